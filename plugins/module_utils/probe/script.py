# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The program that runs in a pod: several attempts side by side, each with a connection of its own (all pure)."""

from __future__ import annotations

from collections.abc import Sequence

from .plan import Probe

FIRST_PORT, LAST_PORT = 33000, 60999
PORTS_EACH = 4
"""Local ports of one attempt. curl binds one for each address it tries; the flows of all of them are looked for."""
SLOTS = (LAST_PORT + 1 - FIRST_PORT) // PORTS_EACH
SLOTS_PER_S = 100
"""How fast the start of the next run moves through the slots: once around in 70 s, ahead of any run's own attempts."""
_WORDS = 6
"""Arguments of one attempt: protocol, target, seconds, local ports, and two more."""

# The targets come in as arguments, never as a part of the script. Each line of the answer starts with the number of the
# attempt. date +%s.%N gives no fraction with BusyBox. Quoted `$` in single quotes is for curl and for the inner bash.
_COMMON = r"""
need() { for p; do command -v "$p" >/dev/null 2>&1 || { echo "missing=$p"; return 1; }; done; }
now() { echo "$1=$(date +%s.%N)"; }
say() { while IFS= read -r l || [ -n "$l" ]; do printf '%s\n' "$1$l"; done; }
"""
# curl has no scheme that only connects and then ends (telnet waits for the time limit). So for tcp it asks for a page
# and gives up when nothing comes for a second; only the connection counts, not what the server thinks of the request.
_HTTP = r"""
http() {
need curl || return
now before
curl -q -sS -g -k -o /dev/null -m "$2" --noproxy '*' --local-port "$3" $4 --url "$1" -w 'http_code=%{http_code}
local_port=%{local_port}
remote_ip=%{remote_ip}
time_namelookup=%{time_namelookup}
time_connect=%{time_connect}
time_total=%{time_total}
' </dev/null
echo "exit=$?"
now after
}
"""
_DNS = r"""
dns() {
need getent timeout || return
now before
o=$(timeout "$2" getent ahosts "$1")
echo "exit=$?"
now after
echo "$o" | say address=
}
"""
# ping's own name for the target's address comes first; a failed ping still tells it. BusyBox knows no -n.
_ICMP = r"""
icmp() {
need ping timeout || return
case $(ping -h 2>&1) in *BusyBox*) f= ;; *) f=-n ;; esac
now before
o=$(timeout $(($2 + 1)) ping $f -c 1 -W "$2" "$1" 2>&1 </dev/null)
echo "exit=$?"
now after
echo "$o" | say ping=
}
"""
# The exit status has curl's meaning: 6 no such name, 7 refused, 28 silence. The kernel chooses the local port of bash,
# which stands in the table of sockets; its own printf would send a datagram for each line. An answer may be any byte,
# NUL too, which ends what `read -d ''` reads.
_UDP = r"""
udp() {
if command -v bash >/dev/null 2>&1; then
need timeout readlink env || return
now before
timeout "$2" bash -c '{ exec 3<>"/dev/udp/$0/$1"; } || exit 6
i=$(readlink /proc/self/fd/3); i=${i#*[}
while read -r s a r t q m u o j n k; do [ "$n" = "${i%]}" ] && echo "local=$a" && echo "remote=$r"; done \
< <(cat /proc/net/udp /proc/net/udp6 2>/dev/null)
env printf %s "$3" >&3 && IFS= read -r -d "" -n 1 -t "$2" -u 3 x && exit 0
e=$?; [ $e -gt 128 ] && exit 28; exit 7' "$1" "$4" "$2" "$5"
e=$?
[ $e = 124 ] && e=28
else
need nc timeout || return
now before
echo "local=:$(printf %x "${3%-*}")"
e=$(printf %s "$5" | timeout "$2" nc -u -p "${3%-*}" -w "$2" "$1" "$4" | head -c 1 | wc -c)
[ "$e" -gt 0 ] && e=0 || e=28
fi
echo "exit=$e"
now after
}
"""
_RUN = r"""
one() { { "$@" 2>&1 1>&3 3>&- | say stderr=; } 3>&1 | say "$n "; }
n=0
while [ $# -gt 0 ]; do one "$1" "$2" "$3" "$4" "$5" "$6" & n=$((n + 1)); shift 6; done
wait
"""
_FUNCTIONS = {"http": _HTTP, "tcp": _HTTP, "dns": _DNS, "icmp": _ICMP, "udp": _UDP}
# curl speaks both; the arguments tell how.
_NAMES = {"tcp": "http"}
_CONNECT_ONLY = "-I -y 1 -Y 1"


def first_port_of(slot: int) -> int:
    """The first of the local ports of a slot; slots come around again."""
    return FIRST_PORT + PORTS_EACH * (slot % SLOTS)


def command_of(probes: Sequence[Probe], first_ports: Sequence[int]) -> list[str]:
    """The command that makes these attempts at the same time; each may use local ports from its first port on."""
    functions = dict.fromkeys(_FUNCTIONS[probe.protocol] for probe in probes)
    script = "".join(part.strip("\n") + "\n" for part in (_COMMON, *functions, _RUN))
    words = [_words(probe, port) for probe, port in zip(probes, first_ports, strict=True)]
    return ["sh", "-c", script, "probe", *(word for group in words for word in group)]


def _words(probe: Probe, first_port: int) -> list[str]:
    target, more = probe.target, ["", ""]
    if probe.protocol == "tcp":
        target, more = f"http://{probe.target_text}/", [_CONNECT_ONLY, ""]
    elif probe.protocol == "udp":
        more = [str(probe.port), probe.payload]
    ports = f"{first_port}-{first_port + PORTS_EACH - 1}"
    words = [_NAMES.get(probe.protocol, probe.protocol), target, str(probe.timeout_s), ports, *more]
    if len(words) != _WORDS:
        raise ValueError(f"an attempt has {_WORDS} arguments, not {len(words)}")
    return words
