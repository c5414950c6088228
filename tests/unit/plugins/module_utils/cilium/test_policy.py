# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import policy as policies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import (
    OWNER,
    OWNER_LABEL,
    Policy,
    check_documents,
    differs,
    managed_fields,
    read_documents,
    refuse_foreign,
    rules_differ,
    take_back,
    validity,
    with_mode,
    write,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CCNP, CNP, NETWORK_POLICY
from cilium_documents import cnp, network_policy
from fakes import FakeKube

TEXT = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: one, namespace: basics}
spec: {endpointSelector: {}, ingress: [{}]}
---
# only a comment
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: two, namespace: basics}
spec: {podSelector: {}}
"""


def ignore(message: str) -> None:
    """A warning of no interest."""


def checked(document: Json) -> Policy:
    [policy] = check_documents([document], ignore)
    return policy


def names(documents: list[Json]) -> list[str]:
    return [document["metadata"]["name"] for document in documents]


def test_documents_come_as_text_list_map_file_or_kubernetes_list(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(TEXT)
    both = read_documents(TEXT, None)
    assert names(both) == ["one", "two"]
    assert read_documents(None, str(path)) == both
    assert read_documents(both, None) == both
    assert read_documents(both[0], None) == both[:1]
    assert read_documents({"apiVersion": "v1", "kind": "List", "items": both}, None) == both


@pytest.mark.parametrize(
    ("definition", "src", "code"),
    [
        ("", None, "NoPolicy"),
        ([], None, "NoPolicy"),
        ("just text", None, "InvalidDocument"),
        ([1], None, "InvalidDocument"),
        ("a: [", None, "InvalidYaml"),
        (None, "/nowhere.yaml", "UnreadableFile"),
    ],
)
def test_input_that_is_no_policy(definition: Any, src: str | None, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_documents(definition, src)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({**cnp(), "apiVersion": "cilium.io/v1"}, "apiVersion: must be cilium.io/v2, is 'cilium.io/v1'"),
        ({k: v for k, v in cnp().items() if k != "apiVersion"}, "apiVersion: must be cilium.io/v2, is missing"),
        ({**cnp(), "kind": "Pod"}, "kind: must be one of NetworkPolicy"),
        ({k: v for k, v in cnp().items() if k != "kind"}, "kind: is missing"),
        ({**cnp(), "metadata": {"namespace": "basics"}}, "metadata.name: is missing"),
        ({**cnp(), "metadata": None}, "metadata.name: is missing"),
        ({**cnp(), "metadata": {"name": "x"}}, "metadata.namespace: is missing"),
        ({**cnp(), "sepc": {}}, "sepc: unknown field, did you mean spec?"),
        ({**network_policy(), "specs": []}, "specs: is a field of Cilium's policies only"),
        (
            {**cnp(), "metadata": {"name": "x", "namespace": "y", "labels": {"a": 1}}},
            "metadata.labels: must be a map of texts",
        ),
        (cnp(kind="CiliumClusterwideNetworkPolicy"), "a clusterwide policy has none"),
    ],
)
def test_the_frame_of_a_document(document: Json, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_documents([document], ignore)
    found = caught.value.details["errors"]
    assert len(found) == 1, found
    assert text in found[0]


def test_all_errors_of_all_documents_come_at_once() -> None:
    bad = cnp("bad", endpointSelector={}, ingress=[])
    worse = network_policy("worse", podSelector={}, ingress=[{"ports": [{"port": "80"}]}])
    with pytest.raises(InvalidInput) as caught:
        check_documents([bad, cnp(), worse], ignore)
    assert [line.split(":")[0] for line in caught.value.details["errors"]] == [
        "CiliumNetworkPolicy basics/bad",
        "NetworkPolicy basics/worse",
    ]


def test_the_same_policy_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="two documents have the same"):
        check_documents([cnp(), cnp()], ignore)
    check_documents([cnp(), cnp(namespace="client"), network_policy("deny")], ignore)


def test_names_without_a_dns_rule_are_warned_of() -> None:
    names_only = cnp("names", endpointSelector={}, egress=[{"toFQDNs": [{"matchName": "google.com"}]}])
    dns_rule = {"toPorts": [{"ports": [{"port": "53"}], "rules": {"dns": [{"matchPattern": "*"}]}}]}
    for documents, warned in (
        ([names_only], 1),
        ([names_only, cnp("dns", endpointSelector={}, egress=[dns_rule])], 0),
        ([names_only, cnp("dns", "elsewhere", endpointSelector={}, egress=[dns_rule])], 1),
    ):
        warnings: list[str] = []
        check_documents(documents, warnings.append)
        assert len(warnings) == warned


def test_for_removal_only_the_name_matters() -> None:
    [policy] = check_documents([{**cnp(), "spec": {"rubbish": 1}}], ignore, names_only=True)
    assert (policy.kind, policy.namespace, policy.name) == (CNP, "basics", "deny")
    with pytest.raises(InvalidInput):
        check_documents([{**cnp(), "kind": "Pod"}], ignore, names_only=True)


def test_what_the_server_writes_is_left_out_and_our_label_is_added() -> None:
    document = cnp()
    document["status"] = {"conditions": []}
    document["metadata"].update(
        creationTimestamp=None,
        uid="x",
        resourceVersion="1",
        labels={"team": "a"},
        annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    )
    body = checked(document).body
    assert set(body) == {"apiVersion", "kind", "metadata", "spec"}
    assert body["metadata"] == {"name": "deny", "namespace": "basics", "labels": {"team": "a", OWNER_LABEL: OWNER}}


def test_an_unchanged_policy_does_not_differ() -> None:
    for document in (
        cnp(),
        network_policy(),
        network_policy(podSelector={"matchLabels": {}}, ingress=[{"from": [], "ports": [{"port": 80}]}]),
        cnp(endpointSelector={}, ingress=[{"icmps": [{"fields": [{"type": 8}]}]}], description=None),
    ):
        policy = checked(document)
        assert not differs(policy, policy.body)
    assert differs(policy, None)


def test_server_defaults_of_the_live_object_are_no_difference() -> None:
    live = checked(cnp(endpointSelector={}, ingress=[{"icmps": [{"fields": [{"type": 8}]}]}])).body
    assert live["spec"]["ingress"][0]["icmps"][0]["fields"] == [{"type": 8, "family": "IPv4"}]
    live = {**live, "metadata": {**live["metadata"], "uid": "u", "annotations": {"by": "others"}}}
    assert not differs(checked(cnp(endpointSelector={}, ingress=[{"icmps": [{"fields": [{"type": 8}]}]}])), live)


@pytest.mark.parametrize(
    "spec",
    [
        {"endpointSelector": {"matchLabels": {"org": "cilium101"}}, "ingress": [{}, {}]},
        {"endpointSelector": {"matchLabels": {"org": "cilium101"}}, "ingress": [{}], "egress": [{}]},
        {"endpointSelector": {}, "ingress": [{}]},
        {"endpointSelector": {"matchLabels": {"org": "cilium101"}}, "ingress": [{"fromEntities": ["all"]}]},
    ],
)
def test_a_rule_more_or_less_is_a_difference(spec: Json) -> None:
    assert differs(checked(cnp()), checked(cnp(**spec)).body)
    assert differs(checked(cnp(**spec)), checked(cnp()).body)
    assert rules_differ(checked(cnp()), checked(cnp(**spec)).body)


def test_true_and_one_are_different() -> None:
    live = checked(cnp(endpointSelector={}, ingress=[{}], enableDefaultDeny={"ingress": True})).body
    live["spec"]["enableDefaultDeny"] = {"ingress": 1}
    wanted = checked(cnp(endpointSelector={}, ingress=[{}], enableDefaultDeny={"ingress": True}))
    assert differs(wanted, live)


def test_a_new_description_changes_the_object_but_no_rule() -> None:
    live = checked(cnp()).body
    wanted = checked({**cnp(), "spec": {**cnp()["spec"], "description": "why"}})
    assert differs(wanted, live)
    assert not rules_differ(wanted, live)


def test_only_our_labels_and_annotations_are_compared() -> None:
    live = checked(cnp()).body
    live["metadata"]["labels"]["added"] = "by others"
    assert not differs(checked(cnp()), live)
    labelled = cnp()
    labelled["metadata"]["labels"] = {"team": "a"}
    assert differs(checked(labelled), live)
    assert managed_fields(checked(labelled), live)["labels"] == {OWNER_LABEL: OWNER}
    assert managed_fields(checked(cnp()), None) == {}


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"])))
def test_writing_brings_about_what_was_compared(labels: dict[str, str]) -> None:
    kube = FakeKube()
    kube.add({**cnp(endpointSelector={}, egress=[{}])})
    document = cnp()
    document["metadata"]["labels"] = labels
    policy = checked(document)
    write(kube, policy, kube.get(CNP, "deny", "basics"))
    assert not differs(policy, kube.get(CNP, "deny", "basics"))


def test_writing_keeps_what_others_own() -> None:
    kube = FakeKube()
    foreign = cnp(endpointSelector={}, egress=[{}])
    foreign["metadata"].update(labels={"theirs": "1"}, annotations={"note": "kept"}, finalizers=["x/y"])
    kube.add({**foreign, "status": {"conditions": []}})
    live = kube.get(CNP, "deny", "basics")
    written = write(kube, checked(cnp()), live)
    assert written["metadata"]["labels"] == {"theirs": "1", OWNER_LABEL: OWNER}
    assert written["metadata"]["annotations"] == {"note": "kept"}
    assert written["metadata"]["finalizers"] == ["x/y"]
    assert written["spec"] == cnp()["spec"]
    assert "status" not in kube.writes[-1].body  # type: ignore[operator]


def test_a_writer_in_between_is_a_conflict() -> None:
    kube = FakeKube().add(cnp())
    live = kube.get(CNP, "deny", "basics")
    kube.add(cnp(endpointSelector={}, ingress=[{}]))
    with pytest.raises(Conflict):
        write(kube, checked(cnp()), live)


def test_specs_replace_a_spec() -> None:
    kube = FakeKube().add(cnp())
    document = cnp()
    document["specs"] = [document.pop("spec")]
    written = write(kube, checked(document), kube.get(CNP, "deny", "basics"))
    assert "spec" not in written
    assert not differs(checked(document), written)


def test_policies_of_others_are_refused_unless_adopted() -> None:
    policy = checked(cnp())
    for labels, text in (({}, "not made by this collection"), ({OWNER_LABEL: "Helm"}, "managed by 'Helm'")):
        live = cnp()
        live["metadata"]["labels"] = labels
        with pytest.raises(Conflict, match=text) as caught:
            refuse_foreign(policy, live, adopt=False)
        assert caught.value.option == "adopt"
        refuse_foreign(policy, live, adopt=True)
    refuse_foreign(policy, policy.body, adopt=False)
    refuse_foreign(policy, None, adopt=False)


@pytest.mark.parametrize(
    ("document", "kind", "text"),
    [(cnp(), CNP, "CRDs are not installed"), (network_policy(), NETWORK_POLICY, "namespace")],
)
def test_a_missing_namespace_or_crd_has_a_remedy(document: Json, kind: Any, text: str) -> None:
    kube = FakeKube()
    kube.failures["create", kind.kind] = NotFound('namespaces "basics" not found', status=404)
    with pytest.raises(NotFound) as caught:
        write(kube, checked(document), None)
    assert text in caught.value.remedy


def test_a_refusal_by_aks_is_explained() -> None:
    kube = FakeKube()
    kube.failures["create", "CiliumNetworkPolicy"] = InvalidInput("ValidatingAdmissionPolicy 'x' denied request")
    with pytest.raises(Unsupported, match="denied request"):
        write(kube, checked(cnp()), None)


def test_taking_back_a_created_policy_deletes_it() -> None:
    kube = FakeKube()
    write(kube, checked(cnp()), None)
    take_back(kube, checked(cnp()), None)
    assert kube.get(CNP, "deny", "basics") is None
    take_back(kube, checked(cnp()), None)


def test_taking_back_an_update_restores_spec_and_labels_even_if_somebody_wrote_the_status() -> None:
    kube = FakeKube().add(cnp())
    before = kube.get(CNP, "deny", "basics")
    assert before is not None
    changed = checked(cnp(endpointSelector={}, egress=[{}]))
    write(kube, changed, before)
    kube.patch(CNP, "deny", {"status": {"conditions": []}}, "basics")
    take_back(kube, changed, before)
    after = kube.get(CNP, "deny", "basics")
    assert after is not None
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("labels") == before["metadata"].get("labels")
    kube.remove(CNP, "deny", "basics")
    take_back(kube, changed, before)
    assert kube.get(CNP, "deny", "basics")["spec"] == before["spec"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], (None, "")),
        ([{"type": "Valid", "status": "True", "message": "ok"}], (True, "ok")),
        (
            [{"type": "Other", "status": "False"}, {"type": "Valid", "status": "False", "message": "why"}],
            (False, "why"),
        ),
        ([{"type": "Valid", "status": "Unknown"}], (None, "")),
    ],
)
def test_validity(conditions: list[Json], expected: tuple[bool | None, str]) -> None:
    assert validity({"status": {"conditions": conditions}}) == expected
    assert validity(None) == (None, "")


def test_titles_of_incomplete_documents() -> None:
    assert policies.policy_title({}) == "document (no name)"
    assert policies.policy_title({"kind": "X", "metadata": "?"}) == "X (no name)"
    clusterwide = checked(cnp(namespace=None, kind="CiliumClusterwideNetworkPolicy"))
    assert (clusterwide.label, clusterwide.kind) == ("CiliumClusterwideNetworkPolicy deny", CCNP)


@pytest.mark.parametrize(
    ("mode", "spec", "expected"),
    [
        ("shadow", {"ingress": [{}], "egress": [{}]}, {"ingress": False, "egress": False}),
        ("enforce", {"ingress": [{}], "egress": [{}]}, {"ingress": True, "egress": True}),
        ("enforce", {"ingress": [{}]}, {"ingress": True, "egress": False}),
        ("enforce", {"egressDeny": [{}]}, {"ingress": False, "egress": True}),
        ("shadow", {"ingress": [{}], "enableDefaultDeny": {"ingress": True}}, {"ingress": False, "egress": False}),
    ],
)
def test_a_mode_sets_default_deny(mode: str, spec: Json, expected: Json) -> None:
    body = {**cnp(), "spec": {"endpointSelector": {}, **spec}}
    policy = Policy(CNP, "basics", "one", body)
    [changed] = with_mode([policy], mode, True, "1.20.2")
    assert changed.body["spec"]["enableDefaultDeny"] == expected
    several = Policy(CNP, "basics", "one", {"specs": [body["spec"], body["spec"]]})
    [changed] = with_mode([several], mode, True, "1.20.2")
    assert [one["enableDefaultDeny"] for one in changed.body["specs"]] == [expected, expected]
    assert with_mode([policy], "as_given", True, "1.20.2") == [policy]


@pytest.mark.parametrize("field", ["spec", "specs"])
def test_a_policy_that_an_old_cilium_would_enforce_without_its_switch_is_refused_as_given(field: str) -> None:
    rule = {"endpointSelector": {}, "ingress": [{}], "enableDefaultDeny": {"ingress": False}}
    listening = Policy(CNP, "basics", "one", {field: rule if field == "spec" else [rule]})
    plain = checked(cnp())
    with pytest.raises(Unsupported, match=r"basics/one: Cilium 1\.15\.19 has no enableDefaultDeny") as caught:
        with_mode([plain, listening], "as_given", False, "1.15.19")
    assert caught.value.code == "NoDefaultDenyField"
    assert with_mode([plain], "as_given", False, "1.15.19") == [plain]
    # An image without a version tells nothing: the policy is sent as it is.
    assert with_mode([listening], "as_given", False, "") == [listening]


def test_a_mode_that_is_not_possible_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"Cilium 1\.15\.19 has no enableDefaultDeny"):
        with_mode([checked(cnp())], "shadow", False, "1.15.19")
    with pytest.raises(InvalidInput, match="a NetworkPolicy has no enableDefaultDeny"):
        with_mode([checked(network_policy())], "enforce", True, "1.20.2")
