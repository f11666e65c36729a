"""A request of a call that the bridge carries on: translated as of a call that is supposed, for nothing is kept here. Pure.

The conversation is the bridge's own, asked in the same order; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rpcbridge.codec import MethodCall, MethodResponse, Value
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ABSENT, ActionRequested, CallEnded, Event
from rpcbridge.errors import NoUsableAnswer
from rpcbridge.platforms import Conversation, Found, Kept, Native, Receipt, Step
from rpcbridge.translation.draft import Draft
from rpcbridge.translation.shapes import Reply

Answered = Callable[[], AnyAction | Native]
Tell = Callable[[Event], None]


class Carried:
    """One request. `tell` puts an event into the draft, `encoded` makes the bytes of a reply."""

    def __init__(
        self, talk: Conversation, call: MethodCall, receipt: Receipt, draft: Draft, tell: Tell, encoded: Callable[[MethodResponse], Reply],
        *, keep_state: bool,
    ) -> None:  # fmt: skip
        self._talk = talk
        self._call = call
        self._receipt = receipt
        self._draft = draft
        self._tell = tell
        self._encoded = encoded
        self._keep_state = keep_state
        self._kept: Kept | None = None

    def begin(self) -> Step:
        """What the request does, and the event it is told by. Raises what the conversation does."""
        self._kept = self._talk.supposed(self._call, self._receipt)
        if self._kept is not None:
            self._draft.remark("request", "supposed", f"nothing is kept here of its call: it is shown for one {_in_words(self._talk.shown(self._kept))}")
        step = self._talk.begin(self._call, Found(self._kept), self._receipt)
        self._draft.repaired(step.repairs)
        if "called_number" in step.about:
            self._draft.request = replace(self._draft.request, called_number=step.about["called_number"])
        self._kept = step.kept or self._kept
        event = step.question or (step.events[0].event if step.events else None)
        if event is not None:
            self._tell(self._as_told(event))
        return step

    def noted(self, step: Step) -> None:
        """What a report gets, or a request in which nobody is asked."""
        is_report = self._draft.request.kind == "notification"
        told = "stored" if step.events else "noted"
        self._draft.outcome = told if is_report else step.outcome
        self._reply({} if step.reply is None else step.reply)
        self._deferred(step)

    def answered(self, action: AnyAction | Native) -> None:
        """What the backend's answer gets the phone system. Raises NoUsableAnswer."""
        self._replied(action, is_fallback=False)
        self._draft.outcome = "answered"

    def rescued(self, fallback: AnyAction) -> None:
        """What it gets where there is no usable answer."""
        self._replied(fallback, is_fallback=True)
        self._draft.outcome = "fallback"

    def _replied(self, action: AnyAction | Native, *, is_fallback: bool) -> None:
        step = self._talk.answered(self._call, self._kept, action, self._receipt, is_fallback=is_fallback, state=ABSENT)
        self._draft.repaired(step.repairs)
        self._reply(step.reply)
        self._deferred(step)

    def _reply(self, value: Value) -> None:
        self._draft.replies = (self._encoded(MethodResponse(value)),)

    def _deferred(self, step: Step) -> None:
        """What the phone system gets when it asks for what is kept."""
        if not step.deferred or step.kept is None:
            return
        asks = self._talk.asks(step.kept)
        try:
            following = self._talk.begin(asks, Found(step.kept), self._receipt)
        except NoUsableAnswer as error:
            self._draft.remark("answer", error.reason, str(error))
            return
        reply = self._encoded(MethodResponse(following.reply))
        self._draft.replies += (replace(reply, about=f"to the {asks.method} that follows"),)

    def _as_told(self, event: Event) -> Event:
        if self._keep_state:
            return event
        if isinstance(event, ActionRequested):
            return replace(event, turn=ABSENT, state=ABSENT)
        return replace(event, state=ABSENT) if isinstance(event, CallEnded) else event


def _in_words(shown: dict[str, object]) -> str:
    """A supposed call, as it stands."""
    who = f"from {shown.get('caller_number', '?')} to {shown.get('called_number', '?')}"
    where = f"in the menu {shown['menu']}" if shown.get("menu") else f"whose call to {shown['target']} is {shown['status']}" if shown.get("target") else ""
    return f"{who}, {where}" if where else who
