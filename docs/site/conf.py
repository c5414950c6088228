# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of Sphinx. docs/build.py copies them beside the pages and runs it."""

from __future__ import annotations

import os
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

project = "cloudnet.aks_cilium"
copyright = "2026 Cloudnet contributors"  # Sphinx reads this name.
release = os.environ.get("COLLECTION_VERSION", "")

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_static", "files"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "cloudnet.aks_cilium"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
smartquotes = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
# The colours of options come from style.css, which follows the theme's switch of light and dark.
antsibull_ext_color_scheme = "none"

html_theme_options: dict[str, Any] = {
    "light_css_variables": {
        "color-brand-primary": "#0b5a8a",
        "color-brand-content": "#0b5a8a",
        "color-brand-visited": "#5b3f8c",
        "color-foreground-muted": "#4f5560",
        "color-api-name": "#7a3ea1",
        "site-kind": "#7a3ea1",
        "site-must": "#a3231f",
        "site-good": "#196032",
        "site-some": "#7a5200",
        "site-value": "#0b5a8a",
        "site-band": "#eef4f9",
        "color-highlight-on-target": "#eef4f9",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4f5",
        "color-brand-content": "#7cc4f5",
        "color-brand-visited": "#c3a6f0",
        "color-foreground-muted": "#a8adb8",
        "color-api-name": "#cfa0f0",
        "site-kind": "#cfa0f0",
        "site-must": "#ff9d95",
        "site-good": "#7fd79b",
        "site-some": "#e6bd73",
        "site-value": "#7cc4f5",
        "site-band": "#1d2733",
        "color-highlight-on-target": "#1d2733",
    },
}

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
# What the generated pages refer to outside of this collection; nothing is fetched to find out.
ELSEWHERE = {
    "ansible_configuration_settings": f"{ANSIBLE}/reference_appendices/config.html",
    "common_return_values": f"{ANSIBLE}/reference_appendices/common_return_values.html",
}


def elsewhere(app: Sphinx, env: Any, node: Any, inner: nodes.TextElement) -> nodes.reference | None:
    """The link for a reference that leads out of this collection; None leaves it a warning, which is an error."""
    target = str(node.get("reftarget", ""))
    address = ELSEWHERE.get("ansible_configuration_settings" if node.get("reftype") == "envvar" else target)
    words = target.split(".")
    if address is None and words[0] == "ansible_collections" and len(words) == 4:
        plugin, __, kind = words[3].rpartition("_")
        address = f"{ANSIBLE}/collections/{words[1]}/{words[2]}/{plugin}_{kind}.html"
    return nodes.reference("", "", inner, internal=False, refuri=address) if address else None


class LinkedImages(SphinxTransform):
    """Each picture leads to itself, so that it can be seen in full on a small screen."""

    default_priority = 500

    def apply(self, **arguments: Any) -> None:
        """Sphinx links an image that has a width; style.css takes the width away again."""
        for image in self.document.findall(nodes.image):
            image["width"] = "100%"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("missing-reference", elsewhere)
    app.add_transform(LinkedImages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
