"""The settings of what goes out to Mediaservice, and of the keys: a part of [mediaservice]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rpcbridge.settings.table import (
    claims,
    duration,
    header_name,
    host,
    names,
    option,
    proxy_url,
    size,
    text,
    url_or_none,
    urls,
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """[mediaservice], as far as requests to the platform and the keys go."""

    url: str = option(
        url_or_none, "", "The API's base URL in your region; default: nothing is sent to it, so no call leaves the IVR by a split"
    )
    domain: str = option(host, "", "Your tenant's domain; callbacks that name another are refused")
    site_urls: tuple[str, ...] = option(urls, (), "Base URLs of your hybrid sites: a callback's siteBaseUrl is called only if it is listed")
    private_key_file: str = option(text, "", "PEM file of the RSA key that signs the token for the API; its public key is in the portal")
    key_id: str = option(text, "", "The token's key id (kid), where the portal gives one")
    claims: tuple[tuple[str, Any], ...] = option(claims, (), "Claims of the token beside exp and iat")
    token_lifetime: float = option(duration, 300.0, "How long a token is good for; it is renewed shortly before")
    timeout: float = option(duration, 10.0, "For one operation, all attempts included")
    transfer_timeout: float = option(duration, 600.0, "For one prompt file up or down")
    connect_timeout: float = option(duration, 3.0, "To look up the name, connect and shake hands, per attempt")
    ca_file: str = option(text, "", "PEM file of the authorities to trust instead of the system's")
    proxy: str = option(proxy_url, "", "HTTP proxy towards the API; the environment's proxies are never used")
    max_prompt: int = option(size, 20 * 1024**2, "Largest prompt file that is uploaded through /api")
    public_key_files: tuple[str, ...] = option(names, (), "PEM files of the keys that callbacks are signed with; two while one replaces the other")
    signature_header: str = option(header_name, "Authorization", "The header of a callback that holds its token")
