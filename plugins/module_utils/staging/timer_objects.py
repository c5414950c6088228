# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The objects of a timer: its script, its Job, and the rights that it gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .._types import Json
from ..kube.kinds import CNP, CONFIG_MAP, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, Kind
from .store import HARDENING_NAMESPACE

_NOBODY = 65534

# POSIX sh and curl only. Every answer that is not one of those expected is tried again, for ever: a timer that gives
# up would leave connections denied. 422 is a failed `test` of a JSON patch, 404 an object that is gone. Seconds are
# counted by the uptime of the node, which no correction of its clock moves; only a pod that replaces another one has
# to trust the clock for what is left.
SCRIPT = r"""
set -u
case $KUBERNETES_SERVICE_HOST in *:*) host="[$KUBERNETES_SERVICE_HOST]";; *) host=$KUBERNETES_SERVICE_HOST;; esac
api="https://$host:$KUBERNETES_SERVICE_PORT"
account=/var/run/secrets/kubernetes.io/serviceaccount
marker="$api/api/v1/namespaces/@NAMESPACE@/configmaps/@NAME@"
tab=$(printf '\t')
# Not 0: the pod of a drained node has not done its work, and the Job must make another one.
trap 'exit 143' TERM

call() {  # path, body: sends a JSON patch, or without a body a GET; sets code
  url=$1
  if [ -n "${2:-}" ]; then set -- --request PATCH --data "$2"; else set --; fi
  code=$(curl --silent --max-time 5 --output /scratch/answer --write-out '%{http_code}' --cacert "$account/ca.crt" \
    --header "Authorization: Bearer $(cat "$account/token")" --header 'Content-Type: application/json-patch+json' \
    "$@" "$url") || code=000
}

read_marker() {  # waits for an answer; sets state and armed_at; ends where the timer was removed
  until call "$marker"; [ "$code" = 200 ]; do
    [ "$code" = 404 ] && { echo 'stopped: removed'; exit 0; }
    sleep 1
  done
  state=$(sed -n 's/.*"state": *"\([a-z-]*\)".*/\1/p' /scratch/answer)
  armed_at=$(sed -n 's/.*"armed_at": *"\([0-9]*\)".*/\1/p' /scratch/answer)
}

move() {  # from, to: moves the marker on if it is where it should be, and notes the time
  body='[{"op":"test","path":"/data/state","value":"'$1'"},{"op":"replace","path":"/data/state","value":"'$2'"}'
  body="$body,{\"op\":\"add\",\"path\":\"/data/${2}_at\",\"value\":\"$(date +%s)\"}]"
  call "$marker" "$body"
}

reach() {  # from, to: does so for certain; ends where somebody else stopped the timer
  while :; do
    move "$1" "$2"
    [ "$code" = 200 ] && return
    # The answer to a move that was made may have been lost.
    read_marker
    [ "$state" = "$2" ] && return
    [ "$state" = "$1" ] || { echo "stopped: $state"; exit 0; }
    sleep 0.5
  done
}

dry_run() {  # sets failed to the first answer that is not 200
  failed=
  while IFS=$tab read -r path patch; do
    call "$api$path?dryRun=All" "$patch"
    [ "$code" = 200 ] || { failed=$code; return; }
  done < /timer/patches
}

uptime() { read -r up rest < /proc/uptime; up=${up%%.*}; }

read_marker
if [ "$state" = starting ]; then
  while dry_run; [ -n "$failed" ]; do
    echo "the dry run was answered with $failed: $(head -c 300 /scratch/answer)"
    sleep 0.5
    read_marker
    [ "$state" = starting ] || { echo "stopped: $state"; exit 0; }
  done
  reach starting armed
  armed_at=
  echo armed
fi
seconds=$(cat /timer/seconds)
left=$seconds
[ -n "$armed_at" ] && left=$((seconds - $(date +%s) + armed_at))
[ "$left" -gt "$seconds" ] && left=$seconds
uptime
end=$((up + left))
while uptime; [ "$up" -lt "$end" ]; do sleep 1 & wait $!; done

[ "$state" = firing ] || reach armed firing
echo 'the time is over'
while IFS=$tab read -r path patch; do
  while :; do
    call "$api$path" "$patch"
    case $code in
      200) echo "done: $path"; break;;
      404|422) echo "not the same object any more: $path"; break;;
    esac
    echo "answered with $code: $path"
    sleep 1
  done
done < /timer/patches
reach firing fired
"""


def job_of(name: str, labels: dict[str, str], image: str) -> Json:
    """The Job. It meets the Pod Security Standard `restricted`."""
    script = SCRIPT.replace("@NAMESPACE@", HARDENING_NAMESPACE).replace("@NAME@", name)
    container = {
        "name": "timer",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", script],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "timer", "mountPath": "/timer"}, {"name": "scratch", "mountPath": "/scratch"}],
    }
    pod = {
        "serviceAccountName": name,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "fsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "timer", "configMap": {"name": name}}, {"name": "scratch", "emptyDir": {}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": HARDENING_NAMESPACE, "labels": labels},
        "spec": {"backoffLimit": 1000, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def rbac_of(name: str, labels: dict[str, str], policies: Sequence[tuple[str, str, str]]) -> list[tuple[Kind, Json]]:
    """ServiceAccount, Roles and RoleBindings, in the order to create them. policies: (namespace, name, uid).

    What lies beside the policies belongs to them: whatever a timer leaves there goes with the last of its policies.
    """
    account = _object(SERVICE_ACCOUNT, name, HARDENING_NAMESPACE, labels)
    found: list[tuple[Kind, Json]] = [(SERVICE_ACCOUNT, account)]
    by_namespace: dict[str, list[tuple[str, str]]] = {}
    for namespace, policy, uid in policies:
        by_namespace.setdefault(namespace, []).append((policy, uid))
    found += _role(_object(ROLE, name, HARDENING_NAMESPACE, labels), CONFIG_MAP, [name], ["get", "patch"])
    for namespace, chosen in sorted(by_namespace.items()):
        role = _object(ROLE, name, namespace, labels)
        role["metadata"]["ownerReferences"] = [
            {"apiVersion": CNP.api_version, "kind": CNP.kind, "name": policy, "uid": uid}
            for policy, uid in sorted(chosen)
        ]
        found += _role(role, CNP, sorted(policy for policy, __ in chosen), ["patch"])
    return found


def _role(role: Json, kind: Kind, names: list[str], verbs: list[str]) -> list[tuple[Kind, Json]]:
    """A Role of rights on a few objects, and its binding to the ServiceAccount of the same name."""
    metadata = role["metadata"]
    rule = {"apiGroups": [kind.group], "resources": [kind.plural], "resourceNames": names, "verbs": verbs}
    binding = {
        "apiVersion": ROLE_BINDING.api_version,
        "kind": ROLE_BINDING.kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": ROLE.group, "kind": ROLE.kind, "name": metadata["name"]},
        "subjects": [{"kind": SERVICE_ACCOUNT.kind, "name": metadata["name"], "namespace": HARDENING_NAMESPACE}],
    }
    return [(ROLE, {**role, "rules": [rule]}), (ROLE_BINDING, binding)]


def _object(kind: Kind, name: str, namespace: str, labels: dict[str, str]) -> Json:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
    }
