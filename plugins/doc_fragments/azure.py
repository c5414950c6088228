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
      - If not set, the value of the environment variable E(AZURE_SUBSCRIPTION_ID) is used, then that of the profile.
        With the login of C(az), its default subscription comes last.
    type: str
  tenant:
    description:
      - Tenant (directory) of the identity. Not needed in a cloud whose identity provider is ADFS.
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
  certificate_path:
    description:
      - File with the certificate of the service principal and its private key, as PEM or PKCS #12 (PFX).
      - Without it, and unless O(auth_source=options), E(AZURE_X509_CERTIFICATE_PATH), then
        E(AZURE_CLIENT_CERTIFICATE_PATH).
    type: path
    aliases: [x509_certificate_path]
  certificate_password:
    description:
      - Password of O(certificate_path).
      - Without it, and unless O(auth_source=options), E(AZURE_CLIENT_CERTIFICATE_PASSWORD).
    type: str
  federated_token:
    description:
      - Token of another identity provider (OIDC) that the application O(client_id) trusts, as a CI system hands it out.
        It cannot be renewed, so it has to outlive the task.
      - Without it, and unless O(auth_source=options), E(AZURE_FEDERATED_TOKEN).
    type: str
  federated_token_file:
    description:
      - File with such a token, which is read again whenever a new login is needed.
      - Without it, and unless O(auth_source=options), E(AZURE_FEDERATED_TOKEN_FILE), which a pod with AKS workload
        identity has.
    type: path
  profile:
    description:
      - Section of C(~/.azure/credentials), with the keys that C(azure.azcollection) reads - C(tenant), C(client_id),
        C(secret) or C(x509_certificate_path), C(subscription_id), C(cloud_environment).
      - Without it, E(AZURE_PROFILE), then V(default).
    type: str
  auth_source:
    description:
      - Which credential is used.
      - V(auto) takes the first that is there, in this order. What is given as options (O(secret), O(certificate_path),
        O(federated_token) or O(federated_token_file), completed from the environment), a profile that is named, a
        secret or a certificate in the environment, a workload identity, a managed identity whose endpoint the
        environment names, the profile V(default), the login of C(az). One that is given in part is an error.
      - V(options) and V(environment) take one from there only, V(credential_file) the profile.
      - V(managed_identity) is for Azure virtual machines, which V(auto) does not probe for. O(client_id) chooses a
        user-assigned one.
      - V(workload_identity) needs O(federated_token) or O(federated_token_file).
      - If not set, the value of the environment variable E(AZURE_AUTH_SOURCE) is used.
    type: str
    choices: [auto, options, environment, credential_file, cli, managed_identity, workload_identity]
    default: auto
  cloud_environment:
    description:
      - V(AzureCloud), V(AzureChinaCloud), V(AzureUSGovernment), the name of a cloud that was registered with
        C(az cloud register), or the https address of an Azure Resource Manager that serves its metadata (as Azure Stack
        does, ADFS included), from which the authority and the audience are read.
      - If not set, the value of the environment variable E(AZURE_CLOUD_ENVIRONMENT) is used, then that of the profile.
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
      - Set an older one for a cloud that does not have it yet; options for newer fields are refused or ignored there.
      - Versions before V(2026-01-01) do not tell the pod CIDR of clusters without a network plugin.
    type: str
    default: "2026-08-01"
  request_timeout:
    description:
      - Seconds that one request to Azure may take. An endpoint that is not there costs about this long in all,
        retries included.
      - It does not limit how long an operation may take.
    type: int
    default: 30
requirements:
  - azure-identity >= 1.19
  - azure-mgmt-core >= 1.5
"""

    # Modules read the environment by themselves; an inventory plugin is told here what to read. The last one wins.
    PLUGIN = r"""
options:
  subscription_id:
    env: [{name: AZURE_SUBSCRIPTION_ID}]
  auth_source:
    env: [{name: AZURE_AUTH_SOURCE}]
  cloud_environment:
    env: [{name: AZURE_CLOUD_ENVIRONMENT}]
  ca_bundle:
    env: [{name: REQUESTS_CA_BUNDLE}, {name: AKS_CILIUM_CA_BUNDLE}]
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
