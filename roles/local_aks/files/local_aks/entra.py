# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of Entra ID that a service principal meets: discovery, client credentials, bearer tokens."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import json
import secrets
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs

from .certificates import write_private
from .config import Config
from .errors import ArmError, EntraError, Json

KEY_FILE = "token.key"
REFUSED_ASSERTION = "an-assertion-to-refuse"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Entra:
    """Issues and checks tokens; its key lies in the directory so that tokens outlive a restart."""

    def __init__(self, config: Config) -> None:
        self.config = config
        path = Path(config.directory) / KEY_FILE
        if not path.exists():
            write_private(path, secrets.token_bytes(32))
        self.key = path.read_bytes()

    def openid_configuration(self, tenant: str) -> Json:
        """Discovery document of a tenant."""
        self._known(tenant)
        base = f"{self.config.url}/{tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "tenant_region_scope": "NA",
            "cloud_instance_name": self.config.address,
        }

    def token(self, tenant: str, form_body: str) -> Json:
        """Answer of the token endpoint for the form of a client credentials grant."""
        self._known(tenant)
        form = {name: values[0] for name, values in parse_qs(form_body).items()}
        if form.get("grant_type") != "client_credentials":
            grant = form.get("grant_type", "")
            raise EntraError(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{grant}'.",
            )
        scope = form.get("scope", "")
        if not scope.endswith("/.default"):
            raise EntraError(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI).",
            )
        client = form.get("client_id", "")
        if client.lower() != self.config.client_id.lower():
            raise EntraError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen "
                "if the application has not been installed by the administrator of the tenant or consented to by any "
                "user in the tenant. You may have sent your authentication request to the wrong tenant.",
            )
        assertion = form.get("client_assertion", "")
        if assertion == REFUSED_ASSERTION:
            raise EntraError(
                401,
                "invalid_client",
                700027,
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            )
        # The stand-in knows no keys: any assertion but the one above is believed.
        if not assertion and not hmac.compare_digest(
            form.get("client_secret", "").encode(), self.config.client_secret.encode()
        ):
            raise EntraError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{client}'.",
            )
        lifetime = self.config.token_lifetime_s
        token = self.issue(scope.removesuffix("/.default"), time.time() + lifetime)
        return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}

    def issue(self, audience: str, expires: float) -> str:
        """A bearer token for an audience, valid until a time (seconds since the epoch)."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": f"{self.config.url}/{self.config.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": int(expires),
            "appid": self.config.client_id,
            "tid": self.config.tenant,
            "uti": secrets.token_urlsafe(16),
        }
        head = _encode(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
        payload = f"{head}.{_encode(json.dumps(claims).encode())}"
        return f"{payload}.{_encode(self._sign(payload))}"

    def authorize(self, header: str | None) -> None:
        """Check the Authorization header of a request to Resource Manager."""
        scheme, _space, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._denied("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        payload, _dot, signature = token.strip().rpartition(".")
        try:
            genuine = hmac.compare_digest(_decode(signature), self._sign(payload))
            claims = json.loads(_decode(payload.partition(".")[2])) if genuine else {}
        except (binascii.Error, ValueError):
            genuine, claims = False, {}
        if not genuine:
            raise self._denied("InvalidAuthenticationToken", "The access token is invalid.")
        if claims["exp"] <= time.time():
            times = [datetime.datetime.fromtimestamp(t, datetime.timezone.utc) for t in (claims["exp"], time.time())]
            expiry, now = (f"{moment:%m/%d/%Y %I:%M:%S %p}" for moment in times)
            raise self._denied(
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time '{expiry}' is earlier than current UTC time '{now}'.",
            )
        if claims["aud"].rstrip("/") != self.config.url:
            raise self._denied(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should "
                f"exactly match with one of the allowed audiences '{self.config.url}','{self.config.url}/'.",
            )

    def error_body(self, error: EntraError) -> Json:
        """Body of an error answer."""
        now = datetime.datetime.now(datetime.timezone.utc)
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        return {
            "error": error.error,
            "error_description": f"AADSTS{error.number}: {error.description} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
            "error_codes": [error.number],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{self.config.url}/error?code={error.number}",
        }

    def _known(self, tenant: str) -> None:
        if tenant.lower() != self.config.tenant.lower():
            raise EntraError(
                400,
                "invalid_tenant",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into "
                "the correct cloud. Check with your subscription administrator, this may happen if there are no "
                "active subscriptions for the tenant.",
            )

    def _sign(self, payload: str) -> bytes:
        return hmac.new(self.key, payload.encode(), hashlib.sha256).digest()

    def _denied(self, code: str, message: str) -> ArmError:
        authority = f"{self.config.url}/{self.config.tenant}"
        challenge = f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{message}"'
        return ArmError(401, code, message, gateway=True, headers={"WWW-Authenticate": challenge})
