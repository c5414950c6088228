# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that every module which talks to Azure has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  subscription_id:
    description:
      - Subscription that the cluster is in.
      - If not set, the value of the environment variable E(AZURE_SUBSCRIPTION_ID) is used.
    type: str
  tenant:
    description:
      - Tenant (directory) of the identity.
      - Without it, and unless O(auth_source=options), E(AZURE_TENANT), then E(AZURE_TENANT_ID).
    type: str
  client_id:
    description:
      - Application id of a service principal, or client id of a workload identity or user-assigned managed identity.
      - Without it, and unless O(auth_source=options), E(AZURE_CLIENT_ID).
    type: str
  secret:
    description:
      - Secret of the service principal.
      - Without it, and unless O(auth_source=options), E(AZURE_SECRET), then E(AZURE_CLIENT_SECRET).
    type: str
  auth_source:
    description:
      - Which credential is used.
      - V(auto) takes the first that is there, in this order. A service principal from O(tenant), O(client_id),
        O(secret) and the environment, a workload identity, a managed identity whose endpoint the environment names,
        the login of C(az). A service principal that is given in part is an error.
      - V(options) and V(environment) take a service principal from there only.
      - V(managed_identity) is for Azure virtual machines, which V(auto) does not probe for.
      - V(workload_identity) reads the token file that E(AZURE_FEDERATED_TOKEN_FILE) names.
      - If not set, the value of the environment variable E(AZURE_AUTH_SOURCE) is used.
    type: str
    choices: [auto, options, environment, cli, managed_identity, workload_identity]
    default: auto
  cloud_environment:
    description:
      - V(AzureCloud), V(AzureChinaCloud), V(AzureUSGovernment), or the https address of an Azure Resource Manager
        that serves its metadata (as Azure Stack does), from which the authority and the audience are read.
      - If not set, the value of the environment variable E(AZURE_CLOUD_ENVIRONMENT) is used.
    type: str
    default: AzureCloud
  ca_bundle:
    description:
      - PEM file with the certificates to trust, for endpoints with a certificate of their own.
      - If not set, E(AKS_CILIUM_CA_BUNDLE), then E(REQUESTS_CA_BUNDLE).
    type: path
  api_version:
    description:
      - Version of the API for managed clusters. It does not depend on the installed SDK.
      - Versions before V(2026-01-01) do not tell the pod CIDR of clusters without a network plugin.
    type: str
    default: "2026-01-01"
  request_timeout:
    description:
      - Seconds that one request to Azure may take. An endpoint that is not there costs about this long in all,
        retries included.
      - It does not limit how long an operation may take.
    type: int
    default: 30
requirements:
  - azure-identity >= 1.19
  - azure-mgmt-containerservice >= 32.1.0 (32.1 and 41 are tested)
"""

    CLUSTER = r"""
options:
  resource_group:
    description: Resource group of the cluster.
    type: str
    required: true
  name:
    description: Name of the cluster.
    type: str
    required: true
"""
