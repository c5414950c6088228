#!/bin/sh
# Stands in the PATH before bpftool. Its full probe wants CAP_BPF and CAP_PERFMON, which an engine gives to no node when
# it does not know them; an agent that starts it reads only the kernel's configuration, which the short probe tells too.
[ "$*" = "-j feature probe" ] && set -- "$@" unprivileged
exec /usr/sbin/bpftool "$@"
