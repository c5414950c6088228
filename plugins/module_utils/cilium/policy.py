# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads policy documents, checks them, and writes and removes them so that nothing half-valid stays."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._errors import CollectionError, Conflict, InvalidInput, NotFound, Unsupported
from .._types import Json, Warn
from .._yaml import documents_of
from ..kube.interface import Kube
from ..kube.kinds import CCNP, CNP, NETWORK_POLICY, Kind
from ..kube.manifest import SERVER_FIELDS
from .detect import explain_unsupported_l7
from .findings import Findings, check_keys, without_nulls
from .netpol import check_network_policy, stored_spec
from .semantics import check_cilium_policy, has_dns_rule, has_names, map_rules
from .valuetree import canonical

OWNER_LABEL = "app.kubernetes.io/managed-by"
OWNER = "cloudnet.aks_cilium"
_KINDS = {(kind.api_version, kind.kind): kind for kind in (NETWORK_POLICY, CNP, CCNP)}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_TOP_KEYS = ("apiVersion", "kind", "metadata", "spec", "specs")
# Fields of a rule that no agent enforces: a change in them leaves no trace in the datapath.
_NOT_ENFORCED = ("description", "labels")


@dataclass(frozen=True)
class Policy:
    """One wanted policy: checked, and free of what only the server writes. path: where it stood in the input."""

    kind: Kind
    namespace: str | None
    name: str
    body: Json

    @property
    def label(self) -> str:
        """`CiliumNetworkPolicy basics/deny`, for messages and keys."""
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.kind} {where}{self.name}"


def read_documents(definition: object, src: str | None) -> list[Json]:
    """The policy documents of the option `definition` (text, list or map) or of the file `src`."""
    option, what = ("src", str(src)) if src else ("definition", "definition")
    documents: list[Json] = []
    for item in documents_of(_read_file(src) if src else definition, what, option):
        if not isinstance(item, Mapping):
            raise InvalidInput(
                f"{option}: a policy must be a map, found {item!r:.80}.",
                option=option,
                code="InvalidDocument",
                remedy="Give policies as `kubectl get --output yaml` shows them.",
            )
        documents.append(dict(item))
    if not documents:
        raise InvalidInput(
            f"{what} holds no policy.", option=option, code="NoPolicy", remedy="Give one or more YAML documents."
        )
    return documents


def _read_file(path: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"src={path!r} cannot be read: {getattr(error, 'strerror', None) or error}.",
            option="src",
            code="UnreadableFile",
            remedy="Give the path of a YAML file on the machine that runs the module.",
        ) from error


def check_documents(documents: Sequence[Json], warn: Warn, *, names_only: bool = False) -> list[Policy]:
    """The policies of the documents. All that is wrong comes in one InvalidInput; doubtful things become warnings.

    names_only: the policies are to be removed, so only kind, namespace and name matter.
    """
    errors: list[str] = []
    policies: list[Policy] = []
    names = {policy_title(document) for document in documents}
    for document in documents:
        found = Findings()
        kind = _check_frame(found, document)
        if names_only:
            document = {key: document.get(key) for key in ("apiVersion", "kind", "metadata")}
        elif kind is NETWORK_POLICY:
            check_network_policy(found, document)
        elif kind is not None:
            check_cilium_policy(found, document)
        title = policy_title(document)
        errors += [f"{title}: {text}" for text in found.errors]
        for text in found.warnings:
            warn(f"{title}: {text}")
        if kind is not None and not found.errors:
            policies.append(_clean(kind, document))
    if len(names) < len(documents):
        errors.append("two documents have the same kind, namespace and name")
    if errors:
        raise InvalidInput(
            f"{'; '.join(errors)}.",
            option="definition",
            code="InvalidPolicy",
            details={"errors": errors},
            remedy="Correct the policy; nothing was sent.",
        )
    for policy in policies:
        same_place = [other.body for other in policies if other.namespace in (None, policy.namespace)]
        if has_names(policy.body) and not any(has_dns_rule(body) for body in same_place):
            warn(
                f"{policy.label} allows names (toFQDNs), but no policy given here has a DNS rule: without one for the"
                " same pods (port 53 to kube-dns with rules.dns) Cilium never learns their addresses."
            )
    return policies


def states_default_deny(policy: Policy) -> bool:
    """Whether a rule of the policy says enableDefaultDeny itself."""
    rules = [policy.body.get("spec"), *(policy.body.get("specs") or [])]
    return any((rule or {}).get("enableDefaultDeny") is not None for rule in rules)


def with_mode(policies: Sequence[Policy], mode: str, possible: bool, version: str) -> list[Policy]:
    """The policies with enableDefaultDeny set on every rule: off for shadow, on for enforce where the rule has rules.

    possible: whether this cluster's Cilium knows the field. Raises Unsupported (NoShadow, NoDefaultDenyField) where it
    does not, InvalidInput (NoShadowKind).
    """
    if mode == "as_given":
        stated = next(filter(states_default_deny, policies), None)
        if stated is not None and version and not possible:
            raise Unsupported(
                f"{stated.label}: Cilium {version} has no enableDefaultDeny, which came with 1.16. The API server would"
                " drop the field, and the policy would deny from the moment it is applied.",
                option="definition",
                code="NoDefaultDenyField",
                remedy="Upgrade Cilium to 1.16 or later, or take the field out if the policy may deny.",
            )
        return list(policies)
    if not possible:
        raise Unsupported(
            f"mode={mode}: Cilium {version or 'of unknown version'} has no enableDefaultDeny, which came with 1.16.",
            option="mode",
            code="NoShadow",
            remedy="Upgrade Cilium to 1.16 or later. Until then policies can only be applied as they are (as_given).",
        )
    for policy in policies:
        if policy.kind is NETWORK_POLICY:
            raise InvalidInput(
                f"mode={mode}: {policy.label} cannot be a shadow: a NetworkPolicy has no enableDefaultDeny.",
                option="mode",
                code="NoShadowKind",
                remedy="Write it as a CiliumNetworkPolicy.",
            )
    return [replace(policy, body=_with_default_deny(policy.body, mode == "enforce")) for policy in policies]


def _with_default_deny(body: Json, enforce: bool) -> Json:
    def one(spec: Json) -> Json:
        # A direction without rules would be denied altogether.
        ingress, egress = (
            enforce and bool(spec.get(direction) or spec.get(f"{direction}Deny")) for direction in ("ingress", "egress")
        )
        return {**spec, "enableDefaultDeny": {"ingress": ingress, "egress": egress}}

    return map_rules(body, one)


def is_ours(document: Mapping[str, Any]) -> bool:
    """Whether this collection made an object, by its label."""
    return ((document.get("metadata") or {}).get("labels") or {}).get(OWNER_LABEL) == OWNER


def object_key(document: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind, namespace and name; what is missing is empty."""
    metadata = document.get("metadata") or {}
    return str(document.get("kind") or ""), str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def policy_title(document: Mapping[str, Any]) -> str:
    """How messages name a document, however incomplete it is."""
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    where = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{document.get('kind') or 'document'} {where}{metadata.get('name') or '(no name)'}"


def _check_frame(found: Findings, document: Json) -> Kind | None:
    """apiVersion, kind, metadata; the kind when it is one of ours."""
    check_keys(found, "document", {k: v for k, v in document.items() if k != "status"}, _TOP_KEYS)
    version, name = document.get("apiVersion"), document.get("kind")
    kind = _KINDS.get((str(version), str(name)))
    if kind is None:
        wanted = next((v for v, k in _KINDS if k == name), None)
        if wanted:
            found.error("apiVersion", f"must be {wanted}" + (f", is {version!r}" if version else ", is missing"))
        else:
            kinds = ", ".join(k for _version, k in _KINDS)
            found.error("kind", f"must be one of {kinds}, is {name!r}" if name else "is missing")
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        found.error("metadata.name", "is missing")
    elif kind is not None and kind.namespaced and not metadata.get("namespace"):
        found.error("metadata.namespace", "is missing")
    elif kind is CCNP and metadata.get("namespace"):
        found.error("metadata.namespace", "a clusterwide policy has none")
    if kind is NETWORK_POLICY and "specs" in document:
        found.error("specs", "is a field of Cilium's policies only")
    for field in ("labels", "annotations"):
        values = metadata.get(field) if isinstance(metadata, Mapping) else None
        if values and (not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values())):
            found.error(f"metadata.{field}", "must be a map of texts")
    return kind


def _clean(kind: Kind, document: Json) -> Policy:
    """The policy as we write it: without status and server fields, defaults as the server fills them in, our label."""
    body = without_nulls({key: value for key, value in document.items() if key != "status"})
    metadata = {key: value for key, value in body["metadata"].items() if key not in SERVER_FIELDS}
    metadata["labels"] = {**(metadata.get("labels") or {}), OWNER_LABEL: OWNER}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _LAST_APPLIED}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    body["metadata"] = metadata
    for field in ("spec", "specs"):
        if field in body:
            body[field] = _stored(kind, body[field])
    return Policy(kind, metadata.get("namespace"), metadata["name"], body)


def _stored(kind: Kind, spec: Any) -> Any:
    """A spec as the API server stores it, so that equal policies compare as equal."""
    if isinstance(spec, list):
        return [_stored(kind, item) for item in spec]
    if kind is NETWORK_POLICY:
        return stored_spec(spec)
    stored = copy.deepcopy(spec)
    for section in ("ingress", "ingressDeny", "egress", "egressDeny"):
        for rule in stored.get(section) or []:
            for icmp in rule.get("icmps") or []:
                for field in icmp.get("fields") or []:
                    field.setdefault("family", "IPv4")
    return stored


def managed_fields(policy: Policy, document: Mapping[str, Any] | None) -> Json:
    """The fields of a live (or wanted) object that this policy manages; {} for None.

    The specs are ours as a whole, so that a rule which is no longer wanted goes. Of labels and annotations only those
    that the policy names are ours.
    """
    if document is None:
        return {}
    fields: Json = {
        key: _stored(policy.kind, without_nulls(document[key])) for key in ("spec", "specs") if document.get(key)
    }
    for field in ("labels", "annotations"):
        wanted = policy.body["metadata"].get(field) or {}
        live = (document.get("metadata") or {}).get(field) or {}
        shared = {key: live[key] for key in sorted(wanted) if key in live}
        if shared:
            fields[field] = shared
    return fields


def differs(policy: Policy, live: Mapping[str, Any] | None) -> bool:
    """Whether the live object must be written."""
    return live is None or canonical(managed_fields(policy, live)) != canonical(managed_fields(policy, policy.body))


def rules_differ(policy: Policy, live: Mapping[str, Any]) -> bool:
    """Whether what the agents enforce changes, not only a description or a label."""

    def enforced(document: Mapping[str, Any]) -> str:
        fields = managed_fields(policy, document)
        specs = [fields.get("spec") or {}, *(fields.get("specs") or [])]
        return canonical([{k: v for k, v in spec.items() if k not in _NOT_ENFORCED} for spec in specs])

    return enforced(live) != enforced(policy.body)


def refuse_foreign(policy: Policy, live: Mapping[str, Any] | None, adopt: bool) -> None:
    """Refuse to overwrite or remove a policy of the same name that somebody else made."""
    if live is None or adopt or is_ours(live):
        return
    owner = ((live.get("metadata") or {}).get("labels") or {}).get(OWNER_LABEL)
    made = f"managed by {owner!r}" if owner else "not made by this collection"
    raise Conflict(
        f"{policy.label} exists and is {made}.",
        option="adopt",
        code="PolicyNotOurs",
        target=policy.label,
        remedy="Use another name, or set adopt=true to take it over.",
    )


def write(kube: Kube, policy: Policy, live: Json | None) -> Json:
    """Create the policy, or replace the specs of the live one; the labels and annotations of others stay."""
    try:
        if live is None:
            return kube.create(policy.kind, policy.body)
        return kube.replace(policy.kind, _merged(policy, live))
    except NotFound as error:
        if policy.kind is NETWORK_POLICY:
            remedy = "Create the namespace first."
        else:
            remedy = "Create the namespace first; if it exists, Cilium and its CRDs are not installed on this cluster."
        raise NotFound(
            f"{policy.label}: {error.message}",
            code=error.code,
            status=error.status,
            target=policy.label,
            remedy=remedy,
        ) from error
    except CollectionError as error:
        raise explain_unsupported_l7(error) from error


def _merged(policy: Policy, live: Json) -> Json:
    """The live object with our fields. Its resourceVersion stays: a writer in between leads to Conflict."""
    merged = {key: value for key, value in live.items() if key not in ("spec", "specs", "status")}
    merged.update({key: policy.body[key] for key in ("spec", "specs") if key in policy.body})
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    for field in ("labels", "annotations"):
        if policy.body["metadata"].get(field):
            metadata[field] = {**(metadata.get(field) or {}), **policy.body["metadata"][field]}
    merged["metadata"] = metadata
    return merged


def take_back(kube: Kube, policy: Policy, before: Json | None) -> None:
    """Undo write(): delete what was created, or give back the specs, labels and annotations of before."""
    if before is None:
        kube.delete(policy.kind, policy.name, policy.namespace)
        return
    current = kube.get(policy.kind, policy.name, policy.namespace)
    restored = {key: value for key, value in before.items() if key != "status"}
    metadata = {key: value for key, value in before["metadata"].items() if key not in SERVER_FIELDS}
    if current is None:
        kube.create(policy.kind, {**restored, "metadata": metadata})
        return
    metadata["resourceVersion"] = current["metadata"].get("resourceVersion")
    kube.replace(policy.kind, {**restored, "metadata": metadata})


def validity(live: Mapping[str, Any] | None) -> tuple[bool | None, str]:
    """What Cilium's operator says of a policy: (True, ""), (False, message), or (None, "") when it says nothing."""
    for condition in ((live or {}).get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Valid" and condition.get("status") in ("True", "False"):
            return condition["status"] == "True", str(condition.get("message") or "")
    return None, ""
