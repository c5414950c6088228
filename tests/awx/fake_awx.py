# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small stand-in for the API of AWX: as much of /api/v2/ as the modules of awx.awx ask for that we use.

It keeps objects in memory, fills in AWX's defaults, refuses what AWX refuses (rules in awx_rules.py, names that are
taken, objects that are not there, fields that it does not know), and deletes what hangs on a deleted object.
AWX ignores fields that it does not know; here they are an error, since a test wants to hear of a misspelt one.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from awx_rules import credential_type_problems, launch_variables, recurrence_problems, survey_problems, variables_of

Json = dict[str, Any]
API = "/api/v2/"
TOKEN = "a token that only this test knows"
NO_CONTENT = 204
ACCEPTED = 202

_ASKS = (
    "scm_branch diff_mode variables limit tags skip_tags job_type verbosity inventory credential execution_environment "
    "forks instance_groups job_slice_count labels timeout"
)
ASKS: Json = {f"ask_{name}_on_launch": False for name in _ASKS.split()}
# Fields of each kind with the values that AWX gives them when they are not named; REQUIRED must be named.
REQUIRED = object()
KINDS: dict[str, Json] = {
    "organizations": {"name": REQUIRED, "description": ""},
    "credential_types": {
        "name": REQUIRED,
        "description": "",
        "kind": REQUIRED,
        "managed": False,
        "inputs": {},
        "injectors": {},
    },
    "credentials": {"name": REQUIRED, "credential_type": REQUIRED, "organization": None},
    "execution_environments": {
        "name": REQUIRED,
        "description": "",
        "organization": None,
        "image": REQUIRED,
        "credential": None,
        "pull": "",
    },
    "projects": {
        "name": REQUIRED,
        "description": "",
        "organization": None,
        "scm_type": "",
        "scm_url": "",
        "scm_branch": "",
        "credential": None,
        "default_environment": None,
        "scm_update_on_launch": False,
        "scm_update_cache_timeout": 0,
        "scm_revision": "",
    },
    "inventories": {
        "name": REQUIRED,
        "description": "",
        "organization": REQUIRED,
        "kind": "",
        "host_filter": None,
        "variables": "",
    },
    "inventory_sources": {
        "name": REQUIRED,
        "description": "",
        "inventory": REQUIRED,
        "source": REQUIRED,
        "source_project": None,
        "source_path": "",
        "credential": None,
        "execution_environment": None,
        "overwrite": False,
        "overwrite_vars": False,
        "update_on_launch": False,
        "update_cache_timeout": 0,
    },
    "hosts": {"name": REQUIRED, "description": "", "inventory": REQUIRED, "enabled": True, "variables": ""},
    "job_templates": {
        "name": REQUIRED,
        "description": "",
        "organization": None,
        "job_type": "run",
        "inventory": None,
        "project": None,
        "playbook": "",
        "job_tags": "",
        "execution_environment": None,
        "extra_vars": "",
        "survey_enabled": False,
        **ASKS,
    },
    "workflow_job_templates": {
        "name": REQUIRED,
        "description": "",
        "organization": None,
        "inventory": None,
        "extra_vars": "",
        "survey_enabled": False,
        **ASKS,
    },
    "workflow_job_template_nodes": {
        "identifier": REQUIRED,
        "workflow_job_template": REQUIRED,
        "unified_job_template": None,
        "extra_data": {},
        "type": "workflow_job_template_node",
    },
    "workflow_approval_templates": {"name": REQUIRED, "description": "", "timeout": 0},
    "schedules": {
        "name": REQUIRED,
        "description": "",
        "rrule": REQUIRED,
        "unified_job_template": REQUIRED,
        "extra_data": {},
        "enabled": True,
    },
}
# Which names may not be there twice: those of one kind, within the same value of this field.
UNIQUE_WITHIN = {
    "inventory_sources": "inventory",
    "hosts": "inventory",
    "workflow_job_template_nodes": "workflow_job_template",
    "execution_environments": "",
    "credential_types": "",
}
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources", "workflow_approval_templates")
REFERENCES = {
    "organization": "organizations",
    "credential_type": "credential_types",
    "credential": "credentials",
    "default_environment": "execution_environments",
    "execution_environment": "execution_environments",
    "inventory": "inventories",
    "project": "projects",
    "source_project": "projects",
    "workflow_job_template": "workflow_job_templates",
}
# What goes with a deleted object: kind, and the field that names it.
CASCADES = {
    "inventories": [("hosts", "inventory"), ("inventory_sources", "inventory")],
    "job_templates": [("schedules", "unified_job_template")],
    "workflow_job_templates": [
        ("schedules", "unified_job_template"),
        ("workflow_job_template_nodes", "workflow_job_template"),
    ],
}
ASSOCIATIONS = {
    "credentials": "credentials",
    "success_nodes": "workflow_job_template_nodes",
    "failure_nodes": "workflow_job_template_nodes",
    "always_nodes": "workflow_job_template_nodes",
}


class Refused(Exception):
    """An answer that says no: its status and its body."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class FakeAwx:
    """The objects, and what may be done with them."""

    def __init__(self, playbooks: list[str]) -> None:
        self.playbooks = playbooks
        self.objects: dict[int, Json] = {}
        self.kinds: dict[int, str] = {}
        self.surveys: dict[int, Json] = {}
        self.associated: dict[tuple[int, str], list[int]] = {}
        self.writes: list[str] = []
        self.address = ""

    def seed(self, resource: str, /, **fields: Any) -> Json:
        """Put an object there that belongs to the organization already."""
        return self._create(resource, fields)

    def of(self, kind: str) -> dict[str, Json]:
        """Objects of a kind, by name."""
        return {str(one.get("name") or one["identifier"]): one for one in self._all(kind)}

    def linked(self, key: int, association: str) -> list[str]:
        """Names of the objects that one is associated with."""
        found = [self.objects[other] for other in self.associated.get((key, association), [])]
        return [str(one.get("name") or one["identifier"]) for one in found]

    def _all(self, kind: str) -> list[Json]:
        return [one for key, one in self.objects.items() if self.kinds[key] == kind]

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Json) -> tuple[int, Json]:
        """Status and body for a request."""
        if method != "GET":
            self.writes.append(f"{method} {path}")
        parts = path.removeprefix(API).strip("/").split("/")
        kind = parts[0]
        if kind == "project_updates":
            return 200, {"id": int(parts[1]), "status": "successful"}
        if len(parts) == 1:
            if method == "GET":
                return 200, self._found(kind, query)
            return 201, self._create(kind, body)
        key = int(parts[1])
        if key not in self.objects or (self.kinds[key] != kind):
            raise Refused(404, {"detail": "Not found."})
        if len(parts) == 2:
            return self._one(method, key, body)
        return self._below(method, key, parts[2], body)

    def _found(self, kind: str, query: Mapping[str, str]) -> Json:
        if kind not in KINDS and kind != "unified_job_templates":
            raise Refused(404, {"detail": "Not found."})
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        wanted = {name: value for name, value in query.items() if name not in ("page_size", "page")}
        results = [
            one
            for key, one in self.objects.items()
            if self.kinds[key] in kinds and all(str(one.get(name)) == value for name, value in wanted.items())
        ]
        return {"count": len(results), "next": None, "previous": None, "results": results}

    def _create(self, kind: str, body: Json) -> Json:
        fields = KINDS[kind]
        missing = [name for name, default in fields.items() if default is REQUIRED and body.get(name) in (None, "")]
        if missing:
            raise Refused(400, {name: ["This field is required."] for name in missing})
        key = len(self.kinds) + 1
        one = {
            "id": key,
            "type": kind.removesuffix("s") if kind != "inventories" else "inventory",
            "url": f"{API}{kind}/{key}/",
            "related": {},
            "summary_fields": {},
            **{name: default for name, default in fields.items() if default is not REQUIRED},
        }
        if kind in ("job_templates", "workflow_job_templates"):
            one["related"]["survey_spec"] = f"{one['url']}survey_spec/"
        if kind == "projects":
            one["summary_fields"]["current_update"] = {"id": key, "status": "pending"}
        self._write(kind, one, body)
        self.kinds[key], self.objects[key] = kind, one
        return one

    def _one(self, method: str, key: int, body: Json) -> tuple[int, Json]:
        one, kind = self.objects[key], self.kinds[key]
        if method == "PATCH":
            self._write(kind, one, body)
        elif method == "DELETE":
            self._delete(key)
            return (ACCEPTED if kind == "inventories" else NO_CONTENT), {}
        return 200, one

    def _write(self, kind: str, one: Json, body: Json) -> None:
        """Take fields over, after a look at what AWX would say to them."""
        if unknown := sorted(set(body) - set(KINDS[kind])):
            raise Refused(400, {name: ["AWX knows no such field."] for name in unknown})
        new = {**one, **body}
        self._check_references(new)
        self._check_name(kind, new)
        self._check_values(kind, new)
        if kind == "job_templates":
            # The organization of a job template is that of its project.
            new["organization"] = self.objects[new["project"]]["organization"]
        one.update(new)

    def _check_references(self, new: Json) -> None:
        for field, kind in REFERENCES.items():
            if new.get(field) is not None and self.kinds.get(new[field]) != kind:
                raise Refused(400, {field: [f'Invalid pk "{new[field]}" - object does not exist.']})

    def _check_name(self, kind: str, new: Json) -> None:
        name = "identifier" if kind == "workflow_job_template_nodes" else "name"
        within = UNIQUE_WITHIN.get(kind, "organization")
        for other in self._all(kind):
            if other["id"] != new["id"] and all(other.get(field) == new.get(field) for field in (name, within)):
                raise Refused(400, {"__all__": [f"{new['type']} with this {name} already exists."]})

    def _check_values(self, kind: str, new: Json) -> None:
        problems: dict[str, list[str]] = {}
        if kind == "credential_types":
            problems["injectors"] = credential_type_problems(new)
        elif kind == "job_templates":
            if new["playbook"] not in self.playbooks:
                problems["playbook"] = ["Playbook not found for project."]
            if new["inventory"] is None and not new["ask_inventory_on_launch"]:
                problems["inventory"] = ["Must either set a default value or ask to prompt on launch."]
        elif kind in ("inventories", "hosts"):
            variables_of(new["variables"])
        elif kind == "schedules":
            problems["rrule"] = recurrence_problems(new["rrule"])
            try:
                launch_variables(self.surveys.get(new["unified_job_template"], {}), {}, new["extra_data"])
            except ValueError as error:
                problems["extra_data"] = [str(error)]
        if found := {field: texts for field, texts in problems.items() if texts}:
            raise Refused(400, found)

    def _delete(self, key: int) -> None:
        kind = self.kinds[key]
        if kind == "credential_types" and any(one["credential_type"] == key for one in self._all("credentials")):
            raise Refused(403, {"detail": "Credential types that are in use cannot be deleted"})
        for other_kind, field in CASCADES.get(kind, []):
            for other in self._all(other_kind):
                if other[field] == key:
                    self._delete(other["id"])
        if kind == "workflow_job_template_nodes":
            started = self.objects[key]["unified_job_template"]
            if self.kinds.get(started) == "workflow_approval_templates":
                del self.objects[started]
        del self.objects[key]
        for other in self.objects.values():
            for field in (*REFERENCES, "unified_job_template"):
                if other.get(field) == key:
                    other[field] = None

    def _below(self, method: str, key: int, name: str, body: Json) -> tuple[int, Json]:
        one, kind = self.objects[key], self.kinds[key]
        if name == "survey_spec" and "survey_spec" in one["related"]:
            return self._survey(method, key, body)
        if name == "create_approval_template" and kind == "workflow_job_template_nodes":
            approval = self._create("workflow_approval_templates", body)
            one["unified_job_template"] = approval["id"]
            one["related"]["unified_job_template"] = approval["url"]
            return 201, approval
        nodes_only = name.endswith("_nodes") and kind != "workflow_job_template_nodes"
        if name not in ASSOCIATIONS or nodes_only:
            raise Refused(404, {"detail": "Not found."})
        linked = self.associated.setdefault((key, name), [])
        if method == "GET":
            results = [self.objects[other] for other in linked]
            return 200, {"count": len(results), "next": None, "previous": None, "results": results}
        if self.kinds.get(body["id"]) != ASSOCIATIONS[name]:
            raise Refused(400, {"detail": "Object does not exist."})
        if body.get("disassociate"):
            linked.remove(body["id"])
        else:
            linked.append(body["id"])
        return NO_CONTENT, {}

    def _survey(self, method: str, key: int, body: Json) -> tuple[int, Json]:
        if method == "POST":
            if problems := survey_problems(body):
                raise Refused(400, {"error": "; ".join(problems)})
            self.surveys[key] = body
        elif method == "DELETE":
            self.surveys.pop(key, None)
        return 200, self.surveys.get(key, {}) if method == "GET" else {}


@contextmanager
def served(awx: FakeAwx) -> Iterator[FakeAwx]:
    """Serve it on a free port of this machine, and tell its address."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            address = urlsplit(self.path)
            try:
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise Refused(401, {"detail": "Authentication credentials were not provided."})
                # awx.awx looks for one that has this number or this name; our names are no numbers.
                query = {re.sub("^or__", "", name): value for name, value in parse_qsl(address.query)}
                with lock:
                    status, answer = awx.answer(self.command, address.path, query, body)
            except Refused as refusal:
                status, answer = refusal.status, refusal.body
            data = b"" if status == NO_CONTENT else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    awx.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield awx
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
