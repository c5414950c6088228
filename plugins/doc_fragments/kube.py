# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of module_utils/kube/argspec.py."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig, or its content as a dictionary. It is read and never written.
      - Without it, and without O(host), the environment variables E(K8S_AUTH_KUBECONFIG) and E(KUBECONFIG) and then
        C(~/.kube/config) are used.
      - Credential programs that a kubeconfig names, as C(kubelogin), are run.
    type: raw
  context:
    description:
      - Context of the kubeconfig to use; its C(current-context) when not set.
      - When the kubeconfig comes from E(K8S_AUTH_KUBECONFIG), E(K8S_AUTH_CONTEXT) serves as well.
    type: str
  host:
    description:
      - URL of the API server, for use without a kubeconfig, or instead of the server that O(kubeconfig) names.
      - When O(kubeconfig) is not set, E(K8S_AUTH_HOST) serves as well. Only with a host and without O(kubeconfig) are
        E(K8S_AUTH_API_KEY), E(K8S_AUTH_CERT_FILE), E(K8S_AUTH_KEY_FILE), E(K8S_AUTH_SSL_CA_CERT),
        E(K8S_AUTH_VERIFY_SSL) and E(K8S_AUTH_PROXY) used for the options that are not set, so that a token is
        never sent to another cluster.
    type: str
  api_key:
    description: Bearer token; replaces the credential of the kubeconfig.
    type: str
  client_cert:
    description: Path of a client certificate; replaces the credential of the kubeconfig. Requires O(client_key).
    type: path
  client_key:
    description: Path of the client certificate's private key.
    type: path
  ca_cert:
    description: Path of the certificate of the authority that signed the API server's certificate.
    type: path
  validate_certs:
    description: Whether the API server's certificate must be valid; what the kubeconfig says when not set.
    type: bool
  proxy:
    description: URL of an HTTP proxy for requests to the API server.
    type: str
  request_timeout:
    description: Seconds after which an unanswered request fails.
    type: int
    default: 30
requirements:
  - kubernetes (Python package)
"""
