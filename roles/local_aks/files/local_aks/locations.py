# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regions of the public cloud, and Azure's refusal of names that are none."""

from __future__ import annotations

from .errors import ArmError

REGIONS = (
    "australiacentral,australiaeast,australiasoutheast,austriaeast,belgiumcentral,brazilsouth,brazilsoutheast,"
    "canadacentral,canadaeast,centralindia,centralus,chilecentral,denmarkeast,eastasia,eastus,eastus2,francecentral,"
    "francesouth,germanynorth,germanywestcentral,indonesiacentral,israelcentral,italynorth,japaneast,japanwest,"
    "jioindiawest,koreacentral,koreasouth,malaysiawest,mexicocentral,newzealandnorth,northcentralus,northeurope,"
    "norwayeast,norwaywest,polandcentral,qatarcentral,southafricanorth,southafricawest,southcentralus,southindia,"
    "southeastasia,spaincentral,swedencentral,switzerlandnorth,switzerlandwest,uaecentral,uaenorth,uksouth,ukwest,"
    "westcentralus,westeurope,westindia,westus,westus2,westus3"
)


def short(location: object) -> str:
    """`West Europe` as Azure stores it."""
    return str(location or "").lower().replace(" ", "")


def required(location: object, resource_type: str) -> str:
    """The stored form of a location that a body must name; resource_type is empty for a resource group."""
    name = short(location)
    if not name:
        message = "The location property is required for this definition."
        raise ArmError(400, "LocationRequired", message, gateway=True)
    if name not in REGIONS.split(","):
        kind, what = ("ResourceType", f"resource type '{resource_type}'") if resource_type else ("ResourceGroup", "")
        message = (
            f"The provided location '{name}' is not available for {what or 'resource group'}. List of available "
            f"regions{' for the resource type' if what else ''} is '{REGIONS}'."
        )
        raise ArmError(400, f"LocationNotAvailableFor{kind}", message, gateway=True)
    return name
