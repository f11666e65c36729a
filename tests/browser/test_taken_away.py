"""What is copied from a page and taken away from it: commands that a shell runs, texts that are pasted in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import no_serious_fault
from tests.browser.inspected import Inspected


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing")
def test_a_copied_command_runs_in_a_shell(browse: Callable[..., Page], bridge: Inspected):
    call = bridge.call("1", "1", "1234")
    question = bridge.recorded(call, 5)[1]
    page = browse(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/debug/exchanges/{question['id']}")
    page.get_by_role("button", name="Copy curl, phone system → bridge").click()
    expect(page.get_by_role("button", name="Copied curl, phone system → bridge")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["sh"], input=command, capture_output=True, text=True, timeout=30, env={"PATH": os.environ["PATH"], "HOME": "/nowhere"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "<name>ACTION</name><value><string>MENU</string></value>" in done.stdout
    assert "main_menu_he" in done.stdout, "turn 2 of the call, once more"


def test_without_a_clipboard_the_text_is_selected(page: Page, bridge: Inspected):
    call = bridge.call()
    page.goto(f"/debug/exchanges/{bridge.recorded(call, 2)[0]['id']}")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    button = page.get_by_role("button", name="Copy curl, bridge → backend")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Selected curl, bridge → backend")).to_be_visible()
    assert "curl -sS" in page.evaluate("getSelection().toString()")
    no_serious_fault(page)


def test_the_playground_by_keyboard(page: Page):
    page.goto("/debug/playground")
    page.get_by_label("A request (XML or JSON)").focus()
    page.keyboard.insert_text(json.dumps({"action": "menu", "menu": "ראשי", "prompt": "welcome", "max_digits": "1", "loops": "a few"}, indent=1))
    translate = page.get_by_role("button", name="Translate")
    for _ in range(10):
        page.keyboard.press("Tab")
        if translate.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cannot be used (1)")).to_be_visible()
    expect(page.get_by_role("row", name="loops")).to_contain_text("the answer, line 6")
    expect(page.get_by_role("heading", name="Reply in")).to_have_count(3)
    no_serious_fault(page)


def test_the_playground_works_without_a_script(browse: Callable[..., Page]):
    page = browse(java_script_enabled=False)
    page.goto("/debug/playground")
    page.get_by_role("link", name="GET_IVR_ACTION, a call begins").click()
    page.get_by_label("Your backend's answer").fill('{"action": "hangup"}')
    page.get_by_role("button", name="Translate").click()
    expect(page.get_by_role("heading", name="Reply in xmlrpc")).to_be_visible()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("answered")
