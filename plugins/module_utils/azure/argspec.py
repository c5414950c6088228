# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options that every module which talks to Azure has. Documented in the fragment `azure`."""

from __future__ import annotations

from ansible.module_utils.common.parameters import env_fallback

from .._argspec import ArgSpec

AUTH_SOURCES = (
    "auto", "options", "environment", "credential_file", "cli", "managed_identity", "workload_identity"
)  # fmt: skip

# What makes a credential has no fallback here: auth_source decides whether the environment may fill it.
AZURE = ArgSpec(
    {
        "subscription_id": {"type": "str", "fallback": (env_fallback, ["AZURE_SUBSCRIPTION_ID"])},
        "tenant": {"type": "str"},
        "client_id": {"type": "str"},
        "secret": {"type": "str", "no_log": True},
        "certificate_path": {"type": "path", "aliases": ["x509_certificate_path"]},
        "certificate_password": {"type": "str", "no_log": True},
        "federated_token": {"type": "str", "no_log": True},
        # The file's name is no secret.
        "federated_token_file": {"type": "path", "no_log": False},
        "profile": {"type": "str"},
        "auth_source": {
            "type": "str",
            "default": "auto",
            "choices": list(AUTH_SOURCES),
            "fallback": (env_fallback, ["AZURE_AUTH_SOURCE"]),
        },
        "cloud_environment": {
            "type": "str",
            "default": "AzureCloud",
            "fallback": (env_fallback, ["AZURE_CLOUD_ENVIRONMENT"]),
        },
        "ca_bundle": {"type": "path", "fallback": (env_fallback, ["AKS_CILIUM_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])},
        "api_version": {"type": "str", "default": "2026-08-01"},
        "request_timeout": {"type": "int", "default": 30},
    }
)

CLUSTER = ArgSpec(
    {
        "resource_group": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
    }
)
