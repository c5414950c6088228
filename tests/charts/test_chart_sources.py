# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Charts from a private registry and a private repository with a real helm. See README.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chart_server import PASSWORD, USER, Store, serving

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError, InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import run_process
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chart import Chart, read_local
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chartsource import Access, parse_source
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.helm import Helm
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.images import Images, with_images
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuecheck import check_values
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish, compose

CACHE = Path(os.environ.get("LAB_CACHE", Path.home() / ".cache" / "aks-cilium-lab"))
HELMS = os.environ.get("HELMS", str(CACHE / "bin" / "helm")).split(":")
CHART = CACHE / "chart" / "cilium"


@dataclass
class Listener:
    """Runs programs and remembers every command line."""

    calls: list[list[str]] = field(default_factory=list)

    def __call__(self, argv: Any, *, timeout_s: float, stdin: str | None = None) -> Completed:
        self.calls.append(list(argv))
        return run_process(argv, timeout_s=timeout_s, stdin=stdin)


@dataclass
class Place:
    """The server, and a helm that finds nothing of this machine's user."""

    helm: Helm
    listener: Listener
    store: Store
    host: str
    access: Access
    version: str
    directory: str

    def pull(self, chart: str, repository: str = "", version: str = "", **access: str) -> Chart:
        """Download with the module's code, and read what came."""
        source = parse_source(chart, repository, version)
        return read_local(self.helm.pull(source, self.directory, replace(self.access, **access)))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's chart as an archive."""
    folder = tmp_path_factory.mktemp("archive")
    subprocess.run([HELMS[0], "package", str(CHART), "--destination", str(folder)], check=True, capture_output=True)
    return next(folder.glob("*.tgz"))


@pytest.fixture(params=HELMS)
def place(
    request: pytest.FixtureRequest, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """A registry and repository that have the chart; one for each helm."""
    for name in ("HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME", "DOCKER_CONFIG", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    listener, store = Listener(), Store()
    store.add(archive)
    directory = tmp_path / "download"
    directory.mkdir(mode=0o700)
    with serving(store, tmp_path) as (host, certificate):
        yield Place(
            helm=Helm(request.param, listener),
            listener=listener,
            store=store,
            host=host,
            access=Access(USER, PASSWORD, str(certificate)),
            version=read_local(str(CHART)).version,
            directory=str(directory),
        )


def test_from_a_private_registry_by_version_tag_and_digest(place: Place) -> None:
    plain = f"oci://{place.host}/charts/cilium"
    references = [(plain, ""), (plain, place.version), (f"{plain}:{place.version}", "")]
    references += [(f"{plain}@{place.store.manifest_digest}", place.version)]
    for reference, version in references:
        assert place.pull(reference, version=version).version == place.version, reference
        next(Path(place.directory).glob("*.tgz")).unlink()


def test_from_a_private_repository(place: Place) -> None:
    for version in ("", place.version):
        assert place.pull("cilium", f"https://{place.host}/repo", version).version == place.version
        next(Path(place.directory).glob("*.tgz")).unlink()


def test_the_password_is_in_no_command_line_and_no_file_that_others_can_read(place: Place) -> None:
    place.pull(f"oci://{place.host}/charts/cilium")
    next(Path(place.directory).glob("*.tgz")).unlink()
    place.pull("cilium", f"https://{place.host}/repo")
    assert not any(PASSWORD in word for call in place.listener.calls for word in call)
    assert not list((Path(place.directory).parent / "home").rglob("*.json"))


@pytest.mark.parametrize("oci", [True, False])
@pytest.mark.parametrize(
    ("access", "option"),
    [
        ({"password": "wrong"}, "chart_username"),
        ({"username": "", "password": ""}, "chart_username"),
        ({"ca_file": ""}, "chart_ca_file"),
    ],
)
def test_what_is_wrong_is_named(place: Place, access: dict[str, str], option: str, oci: bool) -> None:
    chart, repository = (f"oci://{place.host}/charts/cilium", "") if oci else ("cilium", f"https://{place.host}/repo")
    with pytest.raises(CollectionError) as caught:
        place.pull(chart, repository, **access)
    assert caught.value.option == option, caught.value.message
    assert PASSWORD not in json.dumps(caught.value.facts())


def test_a_version_that_is_not_there_is_named(place: Place) -> None:
    for chart, repository in ((f"oci://{place.host}/charts/cilium", ""), ("cilium", f"https://{place.host}/repo")):
        with pytest.raises(CollectionError, match="could not download the chart") as caught:
            place.pull(chart, repository, "9.9.9")
        assert "9.9.9" in caught.value.remedy


def test_every_image_of_the_chart_comes_from_the_registry(place: Place, tmp_path: Path) -> None:
    chart = read_local(str(CHART))
    everything = {
        "hubble": {"relay": {"enabled": True}, "ui": {"enabled": True}, "tls": {"auto": {"method": "cronJob"}}},
        "nodeinit": {"enabled": True},
        "clustermesh": {"useAPIServer": True},
        "authentication": {"enabled": True, "mutual": {"spire": {"enabled": True, "install": {"enabled": True}}}},
        "cluster": {"name": "lab", "id": 1},
    }
    found = set()
    for preflight in (False, True):
        overlay = {**everything, "preflight": {"enabled": preflight}}
        composed = compose(Wish("aks_byo_cni", pod_cidrs=["10.244.0.0/16"], overlay=overlay))
        images = Images("registry.example:5000/mirror", digests=False, pull_secrets=("pull",))
        values = check_values(with_images(composed, chart, images), chart)
        file = tmp_path / "values.yaml"
        file.write_text(json.dumps(values))
        rendered = place.helm.template("cilium", "kube-system", str(CHART), str(file), kube_version="1.34.0")
        found |= set(re.findall(r'^\s*-?\s*image:\s*"?([^"\s]+)', rendered, re.MULTILINE))
    assert len(found) >= 12
    assert [image for image in found if not image.startswith("registry.example:5000/mirror/") or "@" in image] == []


def test_a_schema_error_tells_the_value(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text('{"operator": {"replicas": "many"}}')
    with pytest.raises(CollectionError, match=r"render the chart.*replicas"):
        place.helm.template("cilium", "kube-system", str(CHART), str(file))


def test_the_version_is_read(place: Place) -> None:
    assert place.helm.version() >= (3, 8)


def test_credentials_in_a_url_are_refused() -> None:
    with pytest.raises(InvalidInput, match="holds credentials"):
        parse_source("cilium", "https://user:word@charts.example/", "")
