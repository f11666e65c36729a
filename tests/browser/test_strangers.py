"""What strangers try with a browser that is logged in: a page of theirs that posts to ours, and script in what a call carries."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.inspected import TOKEN, Inspected, inspected
from tests.browser.watch import Watch
from tests.support import backend as backends
from tests.support.backend import reply
from tests.support.calls import xml

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


@contextmanager
def another_site(page: str) -> Iterator[str]:
    """A web site that shows `page`, under another name than ours."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode() if self.path == "/" else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("path", ["playground", "logout", "replay?id=none", "phone/call"])
def test_a_page_of_another_site_cannot_post_to_ours(browse: Callable[..., Page], guarded: Inspected, watch: Watch, path: str):
    page = browse(base_url=guarded.url)
    page.goto("/debug/login")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    form = f'<form method="post" action="{guarded.url}/debug/{path}"><input name="request" value="x"><button>Win a phone</button></form>'
    with another_site(form) as url:
        page.goto(url)
        with page.expect_response(lambda response: response.request.method == "POST") as answered:
            page.get_by_role("button", name="Win a phone").click()
        assert answered.value.status == 403
    page.goto("/debug/")
    expect(page.get_by_role("heading", name="Calls")).to_be_visible()  # not even logged out


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Inspected, str, str]]:
    """A bridge that took a call with script in every field, answered by a backend that has script in every field."""
    answer = {"action": "menu", "menu": SCRIPT, "prompt": SCRIPT, "max_digits": 2}
    fields = dict.fromkeys(("DID", "CALLER_ID", "CALLER_NAME", "DTMF", "MENU", "PREVIOUS_MENU", SCRIPT), SCRIPT)
    folder: Path = tmp_path_factory.mktemp("attacked")
    with backends.running(reply(answer, headers=f"Content-Type: {SCRIPT}\r\n")) as backend, inspected(folder, workers=1, backend=backend.url) as bridge:
        bridge.bridge.post(xml(IVR_UNIQUE_ID=SCRIPT, **fields))
        bridge.bridge.post(xml("HANGUP_CALL", IVR_UNIQUE_ID=SCRIPT, CALL_STATUS=SCRIPT, TARGET=SCRIPT))
        call_id = "".join(SCRIPT.split())  # as it is read
        rows = bridge.recorded(call_id, 3)
        yield bridge, quote(call_id), rows[0]["id"]


@pytest.mark.parametrize(
    "path",
    [
        "", "?menu={script}&call={call}&number={script}", "call?id={call}", "exchanges", "exchanges/{id}", "map", "map?platform={script}&from={script}",
        "replay?id={call}", "playground?sample={script}", "phone", "call?id={script}", "exchanges/{script}",
    ],
)  # fmt: skip
def test_no_script_in_a_call_runs_on_any_page(browse: Callable[..., Page], attacked: tuple[Inspected, str, str], watch: Watch, path: str):
    bridge, call, id = attacked
    page = browse(base_url=bridge.url)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto(f"/debug/{path.format(call=call, id=id, script=quote(SCRIPT, safe=''))}")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert page.locator("main script, main img").count() == 0
    assert ">49" not in page.content()


def test_a_ladder_that_is_opened_as_a_file_runs_nothing(browse: Callable[..., Page], attacked: tuple[Inspected, str, str], tmp_path: Path):
    bridge, call, _ = attacked
    file = tmp_path / "ladder.svg"
    file.write_bytes(bridge.bridge.get(f"/debug/call.svg?id={call}").body)
    page = browse(base_url=bridge.url)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto(file.as_uri())
    assert page.locator("script, image, foreignObject").count() == 0
    assert html.escape("<script>")[:4] in file.read_text()
