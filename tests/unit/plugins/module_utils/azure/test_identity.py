# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials of azure-identity, and the subscription that goes with one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    CollectionError,
    InvalidInput,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cloud import Cloud
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.credential import Choice
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.identity import build, subscription
from fakes import FakeRunner, completed

CLOUD = Cloud("x", "https://arm.test", "https://login.test", "https://arm.test/.default", discovered=True)
ADFS = Cloud("x", "https://arm.test", "https://a.test", "https://arm.test/.default", discovered=True, tenant="adfs")
PRINCIPAL = Choice("service_principal", "t", "c", "s")
PASSWORD = "canary-password"


def make(choice: Choice, cloud: Cloud = CLOUD) -> Any:
    return build(choice, cloud, ca_bundle=None, timeout_s=5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate with its key: as PEM, as PEM with a password, as PKCS #12, and files that are none."""
    folder = tmp_path_factory.mktemp("certificates")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=9999))
    certificate = builder.sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    encryption = serialization.BestAvailableEncryption(PASSWORD.encode())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    content = {
        "pem": key.private_bytes(encoding, form, serialization.NoEncryption()) + pem,
        "locked": key.private_bytes(encoding, form, encryption) + pem,
        "pfx": pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, encryption),
        "keyless": pem,
        "text": b"canary-text",
    }
    for kind, data in content.items():
        (folder / kind).write_bytes(data)
    return {kind: str(folder / kind) for kind in (*content, "none")}


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (PRINCIPAL, "ClientSecretCredential"),
        (Choice("workload_identity", "t", "c", federated_token="jwt"), "ClientAssertionCredential"),
        (Choice("managed_identity"), "ManagedIdentityCredential"),
        (Choice("managed_identity", client_id="c"), "ManagedIdentityCredential"),
        (Choice("cli"), "AzureCliCredential"),
        (Choice("cli", tenant="t"), "AzureCliCredential"),
    ],
)
def test_builds_the_credential_of_azure_identity(choice: Choice, name: str) -> None:
    assert type(make(choice)).__name__ == name


class TestCertificate:
    @pytest.mark.parametrize(("kind", "password"), [("pem", ""), ("locked", PASSWORD), ("pfx", PASSWORD)])
    def test_pem_and_pfx_are_taken(self, files: dict[str, str], kind: str, password: str) -> None:
        choice = Choice("certificate", "t", "c", certificate_path=files[kind], certificate_password=password)
        assert type(make(choice)).__name__ == "CertificateCredential"

    @pytest.mark.parametrize(
        ("kind", "password", "code"),
        [
            ("locked", "", "CertificateInvalid"),
            ("pfx", "", "CertificateInvalid"),
            ("pfx", "canary-wrong", "CertificateInvalid"),
            ("keyless", "", "CertificateInvalid"),
            ("text", "", "CertificateInvalid"),
            ("none", "", "CertificateUnreadable"),
        ],
    )
    def test_what_is_wrong_is_said_without_its_content(
        self, files: dict[str, str], kind: str, password: str, code: str
    ) -> None:
        choice = Choice("certificate", "t", "c", certificate_path=files[kind], certificate_password=password)
        with pytest.raises(InvalidInput) as caught:
            make(choice)
        assert (caught.value.option, caught.value.code) == ("certificate_path", code)
        assert "canary" not in caught.value.text()


class TestTokenFile:
    @pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
    def test_one_that_cannot_be_used_is_named(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "token"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InvalidInput, match="federated_token_file=") as caught:
            make(Choice("workload_identity", "t", "c", federated_token_file=str(path)))
        assert caught.value.code == "TokenFileUnreadable"

    def test_is_read_again_for_a_new_token(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text("one\n", encoding="utf-8")
        credential = make(Choice("workload_identity", "t", "c", federated_token_file=str(path)))
        path.write_text("two\n", encoding="utf-8")
        assert credential._func() == "two"


def test_adfs_prescribes_the_tenant_and_other_clouds_need_one() -> None:
    choice = Choice("service_principal", "", "c", "s")
    assert make(choice, ADFS)._tenant_id == "adfs"
    with pytest.raises(InvalidInput) as caught:
        make(choice)
    assert (caught.value.option, caught.value.code) == ("tenant", "IncompleteCredential")


class TestSubscription:
    def test_the_option_is_before_the_profile(self) -> None:
        runner = FakeRunner()
        profile = Choice("service_principal", "t", "c", "s", subscription_id="profile")
        assert subscription({"subscription_id": "option"}, profile, run=runner) == "option"
        assert subscription({"subscription_id": None}, profile, run=runner) == "profile"
        assert runner.calls == []

    @pytest.mark.parametrize("given", ["My Subscription", "../x", "a/b", "a?b"])
    def test_anything_but_an_id_is_refused(self, given: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            subscription({"subscription_id": given}, PRINCIPAL, run=FakeRunner())
        assert (caught.value.option, caught.value.code) == ("subscription_id", "InvalidSubscription")

    def test_all_of_them_is_no_subscription_of_az(self) -> None:
        assert subscription({"subscription_id": "*"}, Choice("cli"), run=FakeRunner()) == "*"
        for given, asked in (("*", None), ("", None), ("sub", "sub")):
            built = build(Choice("cli"), CLOUD, ca_bundle=None, timeout_s=5, subscription_id=given)
            assert built.subscription == asked

    def test_az_tells_its_default(self) -> None:
        runner = FakeRunner(completed(stdout="sub\n"))
        assert subscription({}, Choice("cli"), run=runner) == "sub"
        assert runner.calls == [["az", "account", "show", "--query", "id", "--output", "tsv"]]

    @pytest.mark.parametrize(
        ("choice", "runner", "kind"),
        [
            (PRINCIPAL, FakeRunner(), InvalidInput),
            (Choice("cli"), FakeRunner(completed(1, stderr="ERROR: Please run 'az login'")), AuthFailed),
            (Choice("cli"), FakeRunner(completed(0, stdout="\n")), AuthFailed),
        ],
    )
    def test_none_is_an_error(self, choice: Choice, runner: FakeRunner, kind: type[CollectionError]) -> None:
        with pytest.raises(kind) as caught:
            subscription({}, choice, run=runner)
        assert (caught.value.option, caught.value.code) == ("subscription_id", "MissingSubscription")
