# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of credential logs in to the local stand-in for Entra ID, and none of them shows.

AKS_CILIUM_TEST_SDK may name a folder with another azure-mgmt-containerservice (and what it needs) to run with.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

if TYPE_CHECKING:
    from azure_stand_in import LocalAks

COLLECTIONS = Path(__file__).parents[2] / ".ansible" / "collections"
PYTHONPATH = os.pathsep.join(filter(None, [os.environ.get("AKS_CILIUM_TEST_SDK"), str(COLLECTIONS)]))
MODULE = "ansible_collections.cloudnet.aks_cilium.plugins.modules.aks_cluster_info"
PASSWORD = "canary-of-the-certificate"
TOKEN = "canary-of-another-provider"
REFUSED = "an-assertion-to-refuse"
AWX = ("AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_SECRET")
Json = dict[str, Any]


class Task:
    """Runs aks_cluster_info as a process, with nothing in its environment but what a test puts there."""

    def __init__(self, service: LocalAks, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.path = "/usr/bin:/bin"
        self.identity = {"tenant": service.tenant, "client_id": service.client_id}
        self.cloud = {"cloud_environment": service.url, "ca_bundle": str(service.ca_bundle)}
        self.canaries = [service.secret, PASSWORD, TOKEN, REFUSED]

    def run(self, environment: dict[str, str] | None = None, **arguments: Any) -> Json:
        given = {"subscription_id": self.service.subscription, **self.cloud, **arguments}
        given = {key: value for key, value in given.items() if value is not None}
        file = self.folder / "arguments.json"
        file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}), encoding="utf-8")
        base = {"PATH": self.path, "HOME": str(self.home), "PYTHONPATH": PYTHONPATH, "LANG": "C.UTF-8"}
        done = subprocess.run(
            [sys.executable, "-m", MODULE, str(file)],
            env={**base, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        output = done.stdout + done.stderr
        assert "Traceback" not in output, output
        for canary in self.canaries:
            assert canary not in output.replace(str(self.folder), ""), "a secret is in the output"
        result: Json = json.loads(done.stdout)
        return result

    def logs_in(self, environment: dict[str, str] | None = None, **arguments: Any) -> None:
        result = self.run(environment, **arguments)
        assert result.get("clusters") == [], result

    def fails(self, code: str, environment: dict[str, str] | None = None, **arguments: Any) -> Json:
        failure: Json = self.run(environment, **arguments)["failure"]
        assert failure["code"] == code, failure
        assert failure["remedy"]
        return failure


@pytest.fixture
def task(local_aks: LocalAks, tmp_path: Path) -> Task:
    return Task(local_aks, tmp_path)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same certificate and key as PEM and as PKCS #12."""
    folder = tmp_path_factory.mktemp("certificates")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=9999))
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    (folder / "pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, locked))
    return {kind: str(folder / kind) for kind in ("pem", "pfx")}


class TestServicePrincipal:
    def test_from_options(self, task: Task) -> None:
        task.logs_in(**task.identity, secret=task.service.secret)

    @pytest.mark.parametrize("names", [AWX, ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")])
    def test_from_the_environment_as_awx_and_as_azure_identity_name_it(
        self, task: Task, names: tuple[str, ...]
    ) -> None:
        values = (task.service.tenant, task.service.client_id, task.service.secret)
        more = {
            "AZURE_SUBSCRIPTION_ID": task.service.subscription,
            "AZURE_CLOUD_ENVIRONMENT": task.service.url,
            "AKS_CILIUM_CA_BUNDLE": str(task.service.ca_bundle),
        }
        environment = {**dict(zip(names, values, strict=True)), **more}
        task.logs_in(environment, subscription_id=None, cloud_environment=None, ca_bundle=None)

    def test_from_a_profile(self, task: Task) -> None:
        (task.home / ".azure").mkdir()
        lines = [
            "[local]",
            f"tenant={task.service.tenant}",
            f"client_id={task.service.client_id}",
            f"secret={task.service.secret}",
            f"subscription_id={task.service.subscription}",
            f"cloud_environment={task.service.url}",
        ]
        (task.home / ".azure" / "credentials").write_text("\n".join(lines), encoding="utf-8")
        task.logs_in(profile="local", subscription_id=None, cloud_environment=None)
        task.logs_in({"AZURE_PROFILE": "local"}, subscription_id=None, cloud_environment=None)
        assert task.fails("ProfileNotFound", profile="other")["option"] == "profile"

    @pytest.mark.parametrize(("kind", "password"), [("pem", None), ("pfx", PASSWORD)])
    def test_with_a_certificate(
        self, task: Task, certificates: dict[str, str], kind: str, password: str | None
    ) -> None:
        task.logs_in(**task.identity, certificate_path=certificates[kind], certificate_password=password)
        environment = {
            "AZURE_TENANT_ID": task.service.tenant,
            "AZURE_CLIENT_ID": task.service.client_id,
            "AZURE_CLIENT_CERTIFICATE_PATH": certificates[kind],
            **({"AZURE_CLIENT_CERTIFICATE_PASSWORD": password} if password else {}),
        }
        task.logs_in(environment)

    def test_with_a_certificate_that_does_not_open(self, task: Task, certificates: dict[str, str]) -> None:
        wrong = {"certificate_path": certificates["pfx"], "certificate_password": TOKEN}
        assert task.fails("CertificateInvalid", **task.identity, **wrong)["option"] == "certificate_path"


class TestWorkloadIdentity:
    def test_token_as_option_and_as_variable(self, task: Task) -> None:
        task.logs_in(**task.identity, federated_token=TOKEN)
        environment = {"AZURE_FEDERATED_TOKEN": TOKEN}
        task.logs_in(environment, **task.identity, auth_source="workload_identity")

    def test_token_file_as_in_a_pod(self, task: Task) -> None:
        file = task.folder / "token"
        file.write_text(TOKEN, encoding="utf-8")
        environment = {
            "AZURE_TENANT_ID": task.service.tenant,
            "AZURE_CLIENT_ID": task.service.client_id,
            "AZURE_FEDERATED_TOKEN_FILE": str(file),
        }
        task.logs_in(environment)
        file.unlink()
        assert task.fails("TokenFileUnreadable", environment)["option"] == "federated_token_file"

    def test_a_refused_token_is_explained(self, task: Task) -> None:
        assert task.fails("AADSTS700027", **task.identity, federated_token=REFUSED)["kind"] == "AuthFailed"


class TestManagedIdentity:
    @pytest.fixture
    def endpoint(self, task: Task) -> Iterator[tuple[str, list[str]]]:
        """What an Azure host offers to its programs."""
        asked: list[str] = []
        token = task.service.authenticate().body["access_token"]
        task.canaries.append(token)

        class Endpoint(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                known = self.headers.get("X-IDENTITY-HEADER") == "here"
                resource = task.service.url
                body = {"access_token": token, "expires_on": "1999999999", "resource": resource, "token_type": "Bearer"}
                self.send_response(200 if known else 403)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body if known else {}).encode())

            def log_message(self, *words: object) -> None:
                """Silent."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/msi/token", asked
        server.shutdown()
        server.server_close()

    @pytest.mark.parametrize(("client", "part"), [(None, "resource="), ("an-identity", "client_id=an-identity")])
    def test_of_the_system_and_of_a_user(
        self, task: Task, endpoint: tuple[str, list[str]], client: str | None, part: str
    ) -> None:
        url, asked = endpoint
        environment = {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": "here"}
        task.logs_in(environment, client_id=client)
        task.logs_in(environment, client_id=client, auth_source="managed_identity")
        assert len(asked) == 2
        assert all(part in path for path in asked)


class TestCli:
    @pytest.fixture
    def az(self, task: Task) -> Path:
        """A program az that is logged in; it writes down how it was called."""
        token = task.service.authenticate().body["access_token"]
        task.canaries.append(token)
        answer = {
            "accessToken": token,
            "expiresOn": "2033-05-18 03:33:19.000000",
            "expires_on": 1999999999,
            "tokenType": "Bearer",
        }
        folder = task.folder / "bin"
        folder.mkdir()
        program = folder / "az"
        calls = folder / "calls"
        script = [
            "#!/bin/sh",
            f'echo "$*" >> {calls}',
            f'[ "$2" = show ] && echo {task.service.subscription} && exit 0',
            f"echo '{json.dumps(answer)}'",
        ]
        program.write_text("\n".join(script), encoding="utf-8")
        program.chmod(0o755)
        task.path = f"{folder}:{task.path}"
        return calls

    def test_its_login_and_its_subscription(self, task: Task, az: Path) -> None:
        task.logs_in(subscription_id=None)
        show, token = az.read_text(encoding="utf-8").splitlines()
        assert show == "account show --query id --output tsv"
        # azure-identity before 1.20, which azure.azcollection pins, cannot be told the subscription.
        if "AKS_CILIUM_TEST_SDK" not in os.environ:
            assert f"--subscription {task.service.subscription}" in token
        task.logs_in(auth_source="cli", tenant=task.service.tenant)
        assert f"--tenant {task.service.tenant}" in az.read_text(encoding="utf-8").splitlines()[2]

    def test_without_a_login_it_says_so(self, task: Task, az: Path) -> None:
        program = az.parent / "az"
        program.write_text("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n")
        failure = task.fails("MissingSubscription", subscription_id=None, auth_source="cli")
        assert "az login" in failure["message"]
        assert task.run(auth_source="cli")["failure"]["kind"] == "AuthFailed"


def test_no_credential_lists_what_was_tried(task: Task) -> None:
    failure = task.fails("NoCredential")
    assert set(failure["details"]["tried"]) == {"options", "environment", "managed_identity", "credential_file", "cli"}
    assert task.service.requests() == []
