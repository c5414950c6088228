# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-ins for hosts of the internet: their web servers, and their block in the Corefile."""

from __future__ import annotations

import pytest

from local_aks.site import site_config, with_hosts, without_hosts

COREFILE = """\
.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
    }
    forward . /etc/resolv.conf
}
"""
ADDRESSES = {"google.com": "172.18.0.5", "github.com": "172.18.0.6"}


def test_sites_come_before_the_cluster_plugin() -> None:
    edited = with_hosts(COREFILE, ADDRESSES)
    lines = [line.strip() for line in edited.splitlines()]
    assert lines.index("172.18.0.5 google.com www.google.com") < lines.index(
        "kubernetes cluster.local in-addr.arpa ip6.arpa {"
    )
    assert "fallthrough" in lines


def test_corefile_is_the_old_one_after_the_sites_are_removed() -> None:
    assert without_hosts(with_hosts(COREFILE, ADDRESSES)) == COREFILE
    assert without_hosts(COREFILE) == COREFILE


def test_sites_are_replaced_not_repeated() -> None:
    once = with_hosts(COREFILE, {"google.com": "172.18.0.9"})
    assert with_hosts(once, ADDRESSES) == with_hosts(COREFILE, ADDRESSES)


def test_corefile_without_a_cluster_plugin_is_refused() -> None:
    with pytest.raises(ValueError, match="no kubernetes plugin"):
        with_hosts(".:53 {\n    errors\n}\n", ADDRESSES)


@pytest.mark.parametrize(
    ("host", "target"), [("google.com", "http://www.google.com/"), ("github.com", "https://github.com/")]
)
def test_site_redirects_as_the_real_one_does(host: str, target: str) -> None:
    configuration = site_config(host)
    assert f"server_name {host};" in configuration
    assert f"return 301 {target};" in configuration
    assert configuration.count("{") == configuration.count("}")
