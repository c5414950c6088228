# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The one boundary between modules and the rest: arguments in, result or error out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ansible.module_utils.basic import AnsibleModule

from ._argspec import ArgSpec
from ._errors import CollectionError, InvalidInput, MissingRequirement, TimedOut, missing_library
from ._progress import progress_from_environment
from ._text import elapsed_text
from ._types import Completed, Json, Params, Progress, Result, Warn

# Which file of docs/permissions/kubernetes grants what a module needs. The modules that several tasks use, such as
# cilium_status, cilium_policy and kube_manifest, have no file of their own.
RIGHTS = "docs/permissions/kubernetes"
RIGHTS_OF = {
    "cilium": "install.yml",
    "flow_report": "report.yml",
    "hubble_canary": "observe.yml",
    "hubble_flows": "flows.yml",
    "network_policy_break_glass": "break-glass.yml",
    "network_policy_drift": "drift.yml",
    "network_policy_enforce": "enforce.yml",
    "network_policy_evidence": "observe.yml",
    "network_policy_soak": "shadow.yml",
}


@dataclass(frozen=True)
class Context:
    """What an action may know of the task that runs it."""

    params: Params
    check_mode: bool
    warn: Warn
    progress: Progress
    hide: Callable[[str], None]
    """Registers a secret found at run time, so that it never shows in the output."""


def run_module(spec: ArgSpec, action: Callable[[Context], Result]) -> None:
    """Build the module, run the action, exit with its result or its error. Every module supports check mode."""
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    context = Context(
        params=module.params,
        check_mode=module.check_mode,
        warn=module.warn,
        progress=progress_from_environment(),
        hide=lambda secret: module.no_log_values.add(secret) if secret else None,
    )
    try:
        check_query(module.params.get("query"))
        result = action(context)
    except CollectionError as error:
        _fail(module, error)
    output: Json = {"changed": result.changed, **result.values}
    if result.message:
        output["msg"] = result.message
    if module._diff and result.before is not None and result.after is not None:
        output["diff"] = {"before": result.before, "after": result.after}
    module.exit_json(**output)


def _fail(module: AnsibleModule, error: CollectionError) -> NoReturn:
    if "missing_right" in error.details:
        file = RIGHTS_OF.get(str(module._name).rpartition(".")[2])
        place = f"{RIGHTS}/{file}" if file else RIGHTS
        if f"({RIGHTS})" in error.remedy:
            error.remedy = error.remedy.replace(f"({RIGHTS})", f"({place})")
        else:
            error.remedy = f"{error.remedy} The role of this task is in {place}.".strip()
    module.fail_json(msg=error.text(), failure=error.facts())
    raise AssertionError("fail_json returned") from error


def run_process(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: str | None = None,
    without: Sequence[str] = (),
    given: Mapping[str, str] | None = None,
) -> Completed:
    """The real Runner.

    without: beginnings of the names of environment variables that the program does not get. given: variables that it
    gets unless the environment has them.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(tuple(without))}
    try:
        # AnsibleModule.run_command has no timeout.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            list(argv),
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            input=stdin if stdin else "",
            env={**(given or {}), **environment},
        )
    except FileNotFoundError as error:
        raise MissingRequirement(
            f"The program {argv[0]} was not found.",
            code="ProgramNotFound",
            remedy=f"Install {argv[0]} or give its path.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise TimedOut(
            f"{argv[0]} did not end within {elapsed_text(timeout_s)} and was stopped.",
            code="ProcessTimeout",
            remedy="It may wait for a person, or for a server that does not answer: run it by hand to see.",
        ) from error
    return Completed(argv=argv, rc=done.returncode, stdout=done.stdout, stderr=done.stderr)


def check_query(expression: str | None) -> None:
    """Refuse a wrong `query` before anything is asked or waited for."""
    if expression is not None:
        _search(expression, None)


def apply_query(expression: str | None, document: Json) -> object:
    """What the `query` option (JMESPath, as `az --query`) selects from a result; the result itself without it."""
    return document if expression is None else _search(expression, document)


def _search(expression: str, document: Json | None) -> object:
    """Compile, and search where there is a document."""
    try:
        import jmespath
        from jmespath.exceptions import JMESPathError
    except ImportError as error:
        raise missing_library("jmespath", error) from error
    try:
        compiled = jmespath.compile(expression)
        return None if document is None else compiled.search(document)
    except JMESPathError as error:
        raise InvalidInput(
            f"query={expression!r} is not valid JMESPath: {error}".replace("\n", " "),
            option="query",
            code="InvalidQuery",
            remedy="See https://jmespath.org/specification.html.",
        ) from error
