# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service answers when it cannot do what was asked, in the words and shapes of Azure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class ArmError(Exception):
    """One error answer. Azure's gateway wraps the error, the AKS resource provider sends it flat."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        subcode: str | None = None,
        details: str | None = None,
        gateway: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.subcode = subcode
        self.details = details
        self.gateway = gateway
        self.headers = dict(headers or {})
        if gateway and status == 404:
            self.headers["x-ms-failure-cause"] = "gateway"

    def body(self) -> Json:
        """The answer's body."""
        if self.gateway:
            return {"error": {"code": self.code, "message": self.message}}
        body: Json = {
            "code": self.code,
            "details": self.details,
            "message": self.message,
            "subcode": self.subcode or "",
        }
        if self.target:
            body["target"] = self.target
        return body


class EntraError(Exception):
    """An error answer of the token endpoint."""

    def __init__(self, status: int, error: str, number: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.number = number
        self.description = description


class BackendError(Exception):
    """The back end could not do its work; code, message and more end in the operation's error."""

    def __init__(self, code: str, message: str, *, status: str = "Failed", more: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.more = dict(more or {})


class CancelledError(Exception):
    """The operation was overtaken by a later one, or the service stops."""


class ConfigError(Exception):
    """The configuration or the machine does not allow the service to run; the message is for the user."""


def bad_request(message: str, *, target: str | None = None, subcode: str | None = None) -> ArmError:
    """400 BadRequest as the resource provider sends it."""
    return ArmError(400, "BadRequest", message, target=target, subcode=subcode)


def invalid_parameter(parameter: str, details: str) -> ArmError:
    """400 InvalidParameter as the resource provider words it."""
    message = f"The value of parameter {parameter} is invalid. Error details: {details}"
    return ArmError(400, "InvalidParameter", message, target=parameter)


def resource_not_found(group: str, name: str) -> ArmError:
    """404 for a managed cluster."""
    message = (
        f"The Resource 'Microsoft.ContainerService/managedClusters/{name}' under resource group '{group}' was not "
        "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(404, "ResourceNotFound", message, gateway=True)


def group_not_found(group: str) -> ArmError:
    """404 for a resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", gateway=True)


def pool_not_found(group: str, name: str, pool: str) -> ArmError:
    """404 for an agent pool, as the resource provider words it."""
    message = f"Could not find the agent pool '{pool}' in cluster '{name}' under resource group '{group}'."
    return ArmError(404, "NotFound", message)


def operation_in_progress(state: str) -> ArmError:
    """409 while an operation on the cluster or on one of its pools has not ended."""
    message = (
        f"Operation is not allowed: Another operation ({state}) is in progress, please wait for it to finish before "
        "starting a new operation. See https://aka.ms/aks-pending-operation for more details"
    )
    return ArmError(409, "OperationNotAllowed", message)


def cannot_here(message: str) -> ArmError:
    """400 for what Azure could do and this stand-in cannot."""
    return ArmError(400, "NotSupportedByLocalStandIn", f"The local stand-in for AKS cannot do this: {message}")
