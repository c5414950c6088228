# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions of Kubernetes: what requests need, what the files of docs/permissions/kubernetes grant. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from recorder import Request

Json = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
# Answered without any right that somebody would have to give: to everybody who has logged in, or to nobody.
FREE = re.compile(r"/(version|openapi/.*|api|apis|api/v1|apis/[^/]+(/[^/]+)?|healthz|livez|readyz)/?")


@dataclass(frozen=True, order=True)
class Permission:
    """One verb on one resource; namespace and name: where, empty for everywhere and for any object."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        """As `get pods/exec in kube-system`."""
        where = f" in {self.namespace}" if self.namespace else " everywhere"
        return f"{self.verb} {self.resource}{'.' if self.group else ''}{self.group} {self.name}".strip() + where

    def covers(self, needed: Permission) -> bool:
        """Whether whoever has this one may do what needs the other one."""
        return (
            self.verb == needed.verb
            and (self.group, self.resource) == (needed.group, needed.resource)
            and self.namespace in ("", needed.namespace)
            and self.name in ("", needed.name)
        )


def needed_by(request: Request) -> list[Permission]:
    """What the API server asks for; what was refused is needed as well."""
    if FREE.fullmatch(request.path):
        return []
    match = re.fullmatch(r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)/(?P<rest>.+)", request.path)
    if match is None:
        raise ValueError(f"a request that is no request for a resource: {request.method} {request.path}")
    group, parts = match.group("group") or "", match.group("rest").strip("/").split("/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    name = parts[1] if len(parts) > 1 else ""
    if (group, parts[0]) == ("", "namespaces") and name:
        # Kubernetes judges a request for a Namespace as one in it, so a Role there can grant it.
        namespace = name
    resource = "/".join([parts[0], *parts[2:3]])

    def one(verb: str, named: bool = True) -> Permission:
        return Permission(verb, group, resource, namespace, name if named else "")

    if request.method == "GET":
        if name:
            return [one("get")]
        return [one("watch" if request.query.get("watch") in ("true", "1") else "list")]
    if request.method == "DELETE":
        return [one("delete" if name else "deletecollection")]
    found = [one(VERBS[request.method])]
    if request.method == "PATCH" and "apply-patch" in request.content_type and request.status == 201:
        found.append(one("create", named=False))
    return found


@dataclass(frozen=True)
class Atom:
    """One permission of a file, and where it stands: which document, which rule."""

    permission: Permission
    document: int
    rule: int


class RoleFile:
    """A file of docs/permissions/kubernetes: Roles, ClusterRoles and their bindings to one ServiceAccount."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.task = path.stem
        self.documents: list[Json] = yaml.safe_load(path.read_text(encoding="utf-8"))["items"]
        self.roles = [doc for doc in self.documents if doc["kind"] in ("Role", "ClusterRole")]
        self.bindings = [doc for doc in self.documents if doc["kind"] in ("RoleBinding", "ClusterRoleBinding")]

    def atoms(self) -> list[Atom]:
        """Each single permission."""
        return [
            Atom(Permission(verb, group, resource, role["metadata"].get("namespace", ""), name), number, rule_number)
            for number, role in enumerate(self.roles)
            for rule_number, rule in enumerate(role["rules"])
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
            for name in rule.get("resourceNames", [""])
        ]

    def without(self, atom: Atom) -> Json:
        """The role document that lacks one permission."""
        role: Json = copy.deepcopy(self.roles[atom.document])
        rule = role["rules"][atom.rule]
        lost = atom.permission
        rest = [
            {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
            | ({"resourceNames": [name]} if name else {})
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
            for name in rule.get("resourceNames", [""])
            if (verb, group, resource, name) != (lost.verb, lost.group, lost.resource, lost.name)
        ]
        role["rules"][atom.rule : atom.rule + 1] = rest
        return role


def missing(needed: Iterable[Permission], atoms: Iterable[Atom]) -> set[Permission]:
    """What no permission of a file covers."""
    granted = [atom.permission for atom in atoms]
    return {one for one in needed if not any(permission.covers(one) for permission in granted)}


def unused(needed: Iterable[Permission], atoms: Iterable[Atom]) -> set[Permission]:
    """Permissions of a file that could be taken away: nothing needs them, or another one covers the same."""
    granted = [atom.permission for atom in atoms]
    alone = set()
    for one in set(needed):
        covering = [permission for permission in granted if permission.covers(one)]
        if len(covering) == 1:
            alone.add(covering[0])
    return set(granted) - alone


def granted_by_creation(request: Request) -> Iterator[Permission]:
    """What a writer of Roles must hold itself: nobody may give rights away that he does not have."""
    if request.method not in VERBS or not re.search(r"/roles(/|$)", request.path):
        return
    body = request.body or {}
    for rule in body.get("rules") or []:
        for group in rule.get("apiGroups", []):
            for resource in rule.get("resources", []):
                for verb in rule.get("verbs", []):
                    namespace = (body.get("metadata") or {}).get("namespace", "")
                    yield Permission(verb, group, resource, namespace)


def escalated_by(request: Request) -> Iterator[Permission]:
    """What stands in for holding these rights: to escalate where a role is written, to bind where it is given away."""
    if request.method not in VERBS:
        return
    body = request.body or {}
    namespace = (body.get("metadata") or {}).get("namespace", "")
    if found := re.search(r"/(roles|clusterroles)(/[^/]+)?$", request.path):
        yield Permission("escalate", RBAC, found.group(1), namespace)
    elif re.search(r"/(cluster)?rolebindings(/[^/]+)?$", request.path):
        given = body["roleRef"]
        yield Permission("bind", RBAC, f"{given['kind'].lower()}s", namespace, given["name"])
