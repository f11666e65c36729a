"""Every page of the inspector, so that what must hold for all of them is asked of all of them.

An address may name what was recorded before: `{call}`, a whole call's id, `{exchange}`, one of its exchanges.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser.inspected import Inspected


@dataclass(frozen=True)
class Address:
    """`guarded`: only a bridge with a token has it."""

    path: str
    status: int = 200
    guarded: bool = False

    def open_in(self, page: Page, **recorded: str) -> None:
        """Go there; the page must have come as it should."""
        response = page.goto(self.path.format(**recorded))
        assert response is not None
        assert response.status == self.status


PAGES = {
    "calls": Address("/debug/"),
    "a search": Address("/debug/?outcome=ended&menu=language&last=1h"),
    "no call found": Address("/debug/?number=1"),
    "a filter that is none": Address("/debug/?last=year", 400),
    "the last exchanges": Address("/debug/exchanges"),
    "nothing found": Address("/debug/exchanges?call_id=nobody"),
    "exchanges of one call": Address("/debug/exchanges?call_id={call}"),
    "a call": Address("/debug/call?id={call}"),
    "a call that is not kept": Address("/debug/call?id=nobody", 404),
    "an exchange": Address("/debug/exchanges/{exchange}"),
    "the phone": Address("/debug/phone"),
    "the playground": Address("/debug/playground"),
    "the playground with a sample": Address("/debug/playground?sample=0"),
    "not found": Address("/debug/exchanges/none", 404),
    "the map": Address("/debug/map"),
    "the map of no call": Address("/debug/map?platform=none&from=yesterday"),
    "replay of a call": Address("/debug/replay?id={call}"),
    "replay of an exchange": Address("/debug/replay?id={exchange}"),
    "replay of nothing": Address("/debug/replay?id=none", 404),
    "log in": Address("/debug/login", guarded=True),
}


def recorded(bridge: Inspected) -> dict[str, str]:
    """What the addresses name: a call of every kind of turn, and its fourth question."""
    call = bridge.call("1", "1", "1234", "1", "2", outcome="busy")
    return {"call": call, "exchange": bridge.recorded(call, 4)[3]["id"]}
