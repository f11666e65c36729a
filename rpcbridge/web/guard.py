"""Who may post to a platform's route: a secret in the path, an allow-list of networks."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Guard:
    """One platform's door. What is not configured is not asked for."""

    def __init__(self, secret: str, networks: Iterable[str], trusted_proxies: Iterable[str]) -> None:
        self._secret = secret.encode()
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._proxies = [ipaddress.ip_network(network) for network in trusted_proxies]

    def refusal(self, segment: str, client: str) -> str:
        """Why this request may not enter, "" where it may. `segment` is the path's last, `client` the sender's address."""
        if self._secret and not hmac.compare_digest(segment.encode(), self._secret):
            return "secret"
        if not self._secret and segment:
            return "path"
        if self._networks and not _within(client, self._networks):
            return "network"
        return ""

    def client(self, peer: str, forwarded_for: str) -> str:
        """The address that sent the request: the last forwarded one that is not a trusted proxy's.

        Only a trusted proxy's X-Forwarded-For is read, from its end: what stands before was written by strangers.
        """
        address = peer
        for hop in reversed(forwarded_for.split(",") if forwarded_for else []):
            if not _within(address, self._proxies):
                break
            address = hop.strip()
        return address


def _within(address: str, networks: list[_Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
