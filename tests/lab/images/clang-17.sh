#!/bin/sh
# Stands in the PATH before the link to clang 19, for a version of Cilium whose BPF programs ask for clang 17.
exec /usr/bin/clang-17 "$@"
