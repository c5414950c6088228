# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands for a host of the internet: a web server's configuration, and a block in CoreDNS's Corefile. Pure.

The lab of the tests (tests/lab) uses it as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

BEGIN = "    # local internet: begin"
END = "    # local internet: end"
# Runs a site whose configuration is in the environment variable SITE_CONFIG, in an image with nginx.
START = 'printf "%s" "$SITE_CONFIG" > /tmp/site.conf && exec nginx -c /tmp/site.conf -g "daemon off;"'


def site_config(host: str) -> str:
    """Configuration of nginx for a host that redirects its bare name as the real one does.

    google.com leads to its www. name over HTTP, others to HTTPS.
    """
    target = "http://www.google.com/" if host == "google.com" else f"https://{host}/"
    page = f"This is {host} in the lab."
    answer = "return 200" if host == "google.com" else f"return 301 {target}; #"
    return (
        "pid /tmp/site.pid; error_log stderr;\n"
        "events { worker_connections 128; }\n"
        "http {\n"
        "  access_log off; default_type text/plain; server_tokens off;\n"
        f"  server {{ listen 80 default_server; server_name {host}; location / {{ return 301 {target}; }} }}\n"
        f"  server {{ listen 80; server_name www.{host}; location / {{ {answer} '{page}\\n';\n  }} }}\n"
        "}\n"
    )


def without_hosts(corefile: str) -> str:
    """The Corefile without our hosts block."""
    block = re.compile(rf"^{re.escape(BEGIN)}\n.*?^{re.escape(END)}\n", re.MULTILINE | re.DOTALL)
    return block.sub("", corefile)


def with_hosts(corefile: str, addresses: Mapping[str, str]) -> str:
    """The Corefile whose first server answers for these names and their www. names; ValueError where it is none."""
    entries = [f"      {address} {name} www.{name}" for name, address in sorted(addresses.items())]
    block = "\n".join([BEGIN, "    hosts {", *entries, "      fallthrough", "    }", END, ""])
    plain = without_hosts(corefile)
    anchor = re.search(r"^ *kubernetes ", plain, re.MULTILINE)
    if anchor is None:
        raise ValueError("the Corefile of CoreDNS has no kubernetes plugin")
    return plain[: anchor.start()] + block + plain[anchor.start() :]
