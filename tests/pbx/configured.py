"""What a bridge's configuration needs for calls of each platform, beside nothing: the API at a port of this machine, and a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.rsa_keys import private_file


def _mediaservice(folder: Path, port: int) -> str:
    return (
        f'[mediaservice]\ndomain = "customer.example"\nurl = "http://127.0.0.1:{port}/mediaservice"\n'
        f'site_urls = ["http://127.0.0.1:{port}/site"]\n'
        f'private_key_file = "{private_file(folder)}"\n'
    )


CONFIGURED: Mapping[str, Callable[[Path, int], str]] = {"mediaservice": _mediaservice}
