# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.manifests import HEADER, files, to_yaml
from hardening_flows import CART, WEB, both, evidence, recommended

TEXTS = st.text() | st.sampled_from(
    [
        "true",
        "No",
        "null",
        "~",
        "1.5",
        "0x1F",
        "a: b",
        "- a",
        "#x",
        "a #b",
        "k8s:app",
        "*",
        "",
        " a",
        "a\nb",
        "a\n b",
        "\n",
    ]
)
VALUES = st.recursive(
    st.booleans() | st.integers() | TEXTS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_every_document_is_read_back_as_it_was(document: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(document)) == document


def test_policies_look_as_people_write_them() -> None:
    document = {
        "spec": {"egress": [{}], "endpointSelector": {}, "description": "one\ntwo: 2"},
        "metadata": {"namespace": "shop", "name": "x"},
        "kind": "CiliumNetworkPolicy",
        "apiVersion": "cilium.io/v2",
    }
    assert to_yaml(document) == (
        "apiVersion: cilium.io/v2\n"
        "kind: CiliumNetworkPolicy\n"
        "metadata:\n"
        "  name: x\n"
        "  namespace: shop\n"
        "spec:\n"
        "  description: |-\n"
        "    one\n"
        "    two: 2\n"
        "  endpointSelector: {}\n"
        "  egress:\n"
        "    - {}\n"
    )


@pytest.mark.parametrize(
    "text", ["53", "true", "off", "1e3", "k8s:app", "*", "-", "a: b", "0755", "2026-11-30", ".5", "="]
)
def test_texts_that_yaml_would_read_as_something_else_are_quoted(text: str) -> None:
    assert yaml.safe_load(to_yaml({"x": text})) == {"x": text}
    assert '"' in to_yaml({"x": text})


def test_each_policy_has_a_file_with_a_mark() -> None:
    found = recommended(evidence(*both(WEB, CART)), kinds=("cilium", "kubernetes"))
    written = files(found.policies)
    assert list(written) == [
        "shop/cnp-learned-default-deny.yaml",
        "shop/cnp-learned-deployment-cart.yaml",
        "shop/cnp-learned-deployment-web.yaml",
        "shop/netpol-learned-default-deny.yaml",
        "shop/netpol-learned-deployment-cart.yaml",
        "shop/netpol-learned-deployment-web.yaml",
    ]
    assert all(text.startswith(HEADER) for text in written.values())
    assert [yaml.safe_load(text) for text in written.values()] == sorted(
        found.policies, key=lambda one: (one["kind"], one["metadata"]["name"])
    )
