"""The README's pictures of the inspector, from a real run: `python -m tests.browser.screenshots docs/images`.

A bridge with the example backend gets calls as callers place them, and the pages are photographed with what they then show.
"""

from __future__ import annotations

import io
import runpy
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Response, request
from PIL import Image
from playwright.sync_api import Page
from werkzeug.serving import make_server

from tests.browser.chromium import MISSING, PROGRAM, launched
from tests.browser.inspected import Inspected, inspected
from tests.support.bridge import ROOT

_SIZE = {"width": 1100, "height": 740}
_SCALE = 2  # sharp on the screens of today
_COLOURS = 256  # a page has few, and text is as sharp: a third of the bytes
_MOST = 200_000  # bytes of a picture: the README is read over slow lines too

_UNLUCKY = "0541112299"  # who meets a backend that stumbles

# What callers do who know the shop, and some who do not.
_CALLS = [
    (("1", "1", "1234", "1", "9"), {}), (("2", "1", "5678"), {}), (("1", "1", "9999", "1234"), {}), (("2", "2"), {}),
    (("1", "2", "1"), {"outcome": "noanswer"}), (("1", "7", "3"), {"dialect": "json"}), (("", "", ""), {"dialect": "jsonrpc"}),
]  # fmt: skip


def main(folder: str) -> None:
    if not PROGRAM:
        sys.exit(MISSING)
    Path(folder).mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place, _shop_on_a_bad_day() as url, inspected(Path(place), backend=url) as bridge,
        launched() as browser,
    ):  # fmt: skip
        for presses, script in _CALLS:
            bridge.call(*presses, **script)
        for name, take in PICTURES.items():
            page = browser.new_page(base_url=bridge.url, viewport=_SIZE, device_scale_factor=_SCALE, color_scheme="light", locale="en-GB", timezone_id="UTC")
            take(page, bridge)
            _taken(page, Path(folder) / f"{name}.png")
            page.close()


@contextmanager
def _shop_on_a_bad_day() -> Iterator[str]:
    """The example backend, but for one caller: his second question meets a server that restarts, his third a page of HTML."""
    shop = runpy.run_path(str(ROOT / "examples" / "shop.py"))
    app, restarting = shop["app"], [True]

    @app.before_request
    def stumble() -> Response | None:
        said = request.get_json(silent=True) or {}
        if said.get("event") != "action_requested" or said.get("caller_number") != _UNLUCKY:
            return None
        if said["menu"] == "language" and restarting:
            restarting.clear()
            return Response("restarting", 503)
        return Response("<html>500</html>", 500) if said["menu"] == "main_he" else None

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=shop["QuietHandler"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()


def _taken(page: Page, file: Path) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    size = file.stat().st_size
    assert size < _MOST, f"{file} has {size:,} bytes"
    print(f"{file}: {size:,} bytes")


def _call(page: Page, bridge: Inspected) -> None:
    """The backend stumbles: a retry helps once, the fallback the other time."""
    call = bridge.call("1", "1", "1234", caller_number=_UNLUCKY)
    page.goto(f"/debug/call?id={call}")


def _phone(page: Page, bridge: Inspected) -> None:
    """An order's number is being pressed."""
    page.goto("/debug/phone")
    page.get_by_role("button", name="Call", exact=True).click()
    for menu, keys in (("language", "1"), ("main_he", "1"), ("order_he", "12")):
        page.get_by_role("log").get_by_text(menu, exact=True).wait_for()
        page.keyboard.type(keys)
    page.get_by_role("log").scroll_into_view_if_needed()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1_000)  # the line of time is under way


def _map(page: Page, bridge: Inspected) -> None:
    """Where the callers went so far."""
    page.goto("/debug/map")


PICTURES: dict[str, Callable[[Page, Inspected], None]] = {"call": _call, "phone": _phone, "map": _map}

if __name__ == "__main__":
    main(*sys.argv[1:])
