"""The watch sees what goes wrong in a page, and axe-core what shuts somebody out: else the other tests would prove little."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.axe import no_serious_fault
from tests.browser.watch import Watch
from tests.support.bridge import awaited

WRONG = {
    "console error: oops": "console.error('oops')",
    "console warning: hm": "console.warn('hm')",
    "script error: .*thrown": "setTimeout(() => { throw new Error('thrown') })",
    "console error: .*inline style": "document.body.setAttribute('style', 'color: red')",
    "console error: .*inline event handler": "document.body.setAttribute('onclick', 'alert(1)')",
    "127.0.0.1:9/pixel": "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/pixel'}))",
    "refused: GET .*/debug/nothing: 404": "document.body.append(Object.assign(new Image(), {src: '/debug/nothing'}))",
}


@pytest.mark.parametrize("pattern", WRONG)
def test_what_goes_wrong_is_seen(page: Page, watch: Watch, pattern: str):
    watch.expect(pattern)
    page.goto("/debug/")
    page.evaluate(f"() => {{ {WRONG[pattern]} }}")
    awaited(lambda: page.evaluate("0") or not watch.verdict())  # the browser tells of it a little later


def test_a_fault_that_was_not_expected_counts_and_so_does_one_that_never_came():
    watch = Watch(["console error: oops"])
    assert watch.verdict() == ["console error: oops"]
    watch.expect("error: oops")
    assert watch.verdict() == []
    watch.expect("never")
    assert watch.verdict() == ["expected, and never came: never"]


def test_axe_names_the_element_and_what_to_do(page: Page):
    page.goto("/debug/")
    page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    with pytest.raises(AssertionError, match=r"critical: label: [^\n]+\n  [^\n]*input  <input>\n    .*label"):
        no_serious_fault(page)
