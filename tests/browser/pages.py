# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages that the tests look at: five workloads, before and after, 500 workloads, and names that mean harm."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.document import Observed, build_report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.page import report_html
from report_flows import WEB, allowed, coverage, denied, edges, large_report, outside, pod, shop_report

HARM = '"><script>document.title="harmed"</script><img src=https://example.invalid/x.png onerror=alert(1)>'


def hostile() -> str:
    """Names as long as Kubernetes allows, and text that would be markup if nobody escaped it."""
    long = pod(f"{'n' * 40}-{'s' * 20}/{'very-long-name-of-a-workload-' * 8}end")
    flows = [
        *allowed(WEB, outside("203.0.113.8", HARM), 443),
        *denied(pod(f"shop/{HARM}"), WEB),
        *allowed(long, WEB),
        *denied(long, pod("shop/short"), 8443),
    ]
    rows = coverage("shop/Deployment/web", ingress=True, egress=False)
    rows[0] |= {"note": HARM, "ingress_by": [f"CiliumNetworkPolicy shop/{HARM}"]}
    observed = Observed(edges=edges(flows), flows=len(flows), source="file", coverage=rows, notes=(HARM,))
    return report_html(build_report(observed, title=f"Harm {HARM}", cluster=HARM))


PAGES: dict[str, Callable[[], str]] = {
    "small": lambda: report_html(shop_report()),
    "compared": lambda: report_html(shop_report(before=shop_report(hardened=False))),
    "large": lambda: report_html(large_report(before=large_report(closed=0))),
    "hostile": hostile,
}
