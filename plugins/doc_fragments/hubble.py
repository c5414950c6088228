# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of module_utils/hubble/argspec.py."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - Who is asked for flows. V(relay) fails where there is no relay, V(agents) needs no gRPC, and V(auto) takes the
        relay where there is one.
    type: str
    choices: [auto, relay, agents]
    default: auto
  cilium_namespace:
    description: Namespace of Cilium and Hubble relay.
    type: str
    default: kube-system
  relay_address:
    description:
      - Address of a relay that is reached without Kubernetes, as C(host:port), or C(tls://host:port) with TLS.
      - When not set, the relay of the cluster is reached through its API server.
    type: str
  relay_tls:
    description:
      - Whether TLS is spoken with the relay. V(auto) looks at the port of its Service (443 with TLS), or, with
        O(relay_address), whether an option for TLS is given.
      - The authority, and a client's certificate where the relay wants one, come from the options below, or else from
        the Secrets C(hubble-relay-client-certs), C(hubble-ui-client-certs), C(hubble-relay-server-certs) and
        C(cilium-ca) in O(cilium_namespace).
    type: str
    choices: [auto, always, never]
    default: auto
  relay_server_name:
    description:
      - Name that the relay's certificate must have. When not set, any name of a certificate that its authority signed
        is taken; the chart's is C(*.hubble-relay.cilium.io).
    type: str
  relay_ca_cert:
    description: File with the certificate of the relay's authority (PEM).
    type: path
  relay_client_cert:
    description: File with the client's certificate (PEM), with O(relay_client_key).
    type: path
  relay_client_key:
    description: File with the key of O(relay_client_cert) (PEM, not encrypted).
    type: path
"""
