"""What happens in a call without a request of its phone system: a timer is due, or the backend wants something."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from rpcbridge.bridge.conversations import SIMULATED, Conversations
from rpcbridge.calls import storable_state
from rpcbridge.domain.events import ABSENT
from rpcbridge.errors import AnswerRejected, NotStored, OrderFailed, Problem
from rpcbridge.exchange import Exchange, Surroundings
from rpcbridge.platforms import Conversation, Kept, Order, Platform, Receipt, Step
from rpcbridge.platforms.understanding import understood
from rpcbridge.sessions import Due, Row

# Seconds: for the database and the platform together, of a timer and of a request of the backend's.
_TIME = 8.0
_MOST_ATTEMPTS = 5  # to give an order that does no harm twice

Send = Callable[[Order, float], None]  # raises OrderFailed


class UnknownCall(Exception):
    """Nothing is kept of a call of this id."""


class Carrier:
    """One for all threads of a process. `senders`: by platform, how an order reaches it."""

    def __init__(
        self, conversations: Conversations, platforms: Mapping[str, Platform], senders: Mapping[str, Send], around: Surroundings,
        *, include_raw: bool,
    ) -> None:  # fmt: skip
        self._conversations = conversations
        self._talks = {name: (one, one.conversation) for name, one in platforms.items() if one.conversation is not None}
        self._senders = senders
        self._around = around
        self._include_raw = include_raw

    def see_to(self, due: Due) -> None:
        """A timer is due. Raises what makes it to be tried again."""
        if due.name.startswith(SIMULATED) or due.row.platform not in self._talks:
            return
        platform, talk = self._talks[due.row.platform]
        receipt, again = self._receipt(), due.attempt > 1
        step, row = self._conversations.move(
            platform, talk, due.row, _due(talk, due.name, receipt, again=again), _TIME
        )
        if step.order is None:
            return
        try:
            self._send(platform, step, due.attempt)
        except OrderFailed as error:
            if step.order.repeats and due.attempt < _MOST_ATTEMPTS:
                raise
            problem = str(error)
            self._conversations.move(platform, talk, row, lambda row: talk.failed(due.name, _kept(row), receipt, problem), _TIME)

    def place(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Place a call: its `call_id`, and `status` "dialing" or "unclear". Raises AnswerRejected, NotStored, OrderFailed."""
        platform, talk = next(iter(self._talks.values()))  # one phone system alone places calls
        _kept_state(wanted)
        receipt = self._receipt()
        call_id = f"rb-{self._around.new_id()}"
        step, row = self._conversations.move(platform, talk, None, lambda _: talk.place(wanted, receipt.event_id, call_id, receipt), _TIME)
        assert step.order is not None
        assert row is not None
        try:
            self._send(platform, step)
        except OrderFailed as error:
            if error.outcome != "unclear":
                self._conversations.forget(row)
                raise
            try:
                _, row = self._conversations.move(platform, talk, row, lambda row: talk.unclear(_kept(row)), _TIME)
            except NotStored:  # whatever becomes of it, nobody may think that nothing was done
                return {"call_id": call_id, "status": "unclear"}
        shown = talk.shown(_kept(row))
        return {"call_id": shown["call_id"], "status": shown["status"]}

    def act(self, call_id: str, answer: Any) -> dict[str, Any]:
        """Have an action take effect now. Raises UnknownCall, AnswerRejected, NotStored, OrderFailed."""
        platform, talk, found = self._found(call_id)
        action, _ = understood(platform, answer)
        state = _kept_state(answer)
        return self._ordered(platform, talk, found, lambda row: talk.act(_kept(row), action, state))

    def record(self, call_id: str, *, on: bool) -> dict[str, Any]:
        """Begin or end a recording. Raises as `act` does."""
        platform, talk, found = self._found(call_id)
        return self._ordered(platform, talk, found, lambda row: talk.record(_kept(row), on))

    def shown(self, call_id: str) -> dict[str, Any]:
        """A call's last known state. Raises UnknownCall, NotStored."""
        _, talk, found = self._found(call_id)
        return talk.shown(_kept(found))

    def orders(self, name: str, call_id: str) -> list[Order]:
        """What a phone system would be told now of a simulated call; each is given once. Raises NotStored."""
        platform, talk = self._talks[name]
        receipt = self._receipt()
        given: list[Order] = []
        for timer in self._conversations.kept_back(platform, call_id, _TIME):
            row = self._conversations.find(platform, call_id, _TIME)
            if row is None:
                break
            step, _ = self._conversations.move(platform, talk, row, _due(talk, timer, receipt, again=False), _TIME)
            if step.order:
                self._observed(self._exchange(platform, step))
                given.append(step.order)
        return given

    def _found(self, call_id: str) -> tuple[Platform, Conversation, Row]:
        for platform, talk in self._talks.values():
            if row := self._conversations.find(platform, call_id, _TIME):
                return platform, talk, row
        raise UnknownCall

    def _ordered(self, platform: Platform, talk: Conversation, row: Row, look: Callable[[Row | None], Step]) -> dict[str, Any]:
        before = row

        def looking(now: Row | None) -> Step:
            nonlocal before
            before = now or before
            return look(now)

        step, moved = self._conversations.move(platform, talk, row, looking, _TIME)
        if step.order is not None:
            try:
                self._send(platform, step)
            except OrderFailed as error:
                if error.outcome != "unclear":
                    self._take_back(platform, talk, before, moved)
                raise
        return talk.shown(_kept(moved))

    def _take_back(self, platform: Platform, talk: Conversation, before: Row, moved: Row | None) -> None:
        """Nothing was done: the call is as it was, unless it went on meanwhile."""

        def look(now: Row | None) -> Step:
            return talk.taken_back(_kept(before)) if now is not None and moved is not None and now.version == moved.version else Step()

        with suppress(NotStored):
            self._conversations.move(platform, talk, moved, look, _TIME)

    def _send(self, platform: Platform, step: Step, attempt: int = 1) -> None:
        """Have the platform told what the step orders; each attempt is an exchange of its own. Raises OrderFailed."""
        assert step.order is not None
        seen = self._exchange(platform, step, attempt)
        try:
            send = self._senders.get(platform.name)
            if send is None:
                raise OrderFailed(f"{platform.name}.url is not set: nothing can be sent to it")
            send(step.order, _TIME / 2)
        except OrderFailed as error:
            seen.outcome, seen.fallback_reason, seen.detail = "order_failed", error.outcome, str(error)
            raise
        finally:
            self._observed(seen)

    def _exchange(self, platform: Platform, step: Step, attempt: int = 1) -> Exchange:
        """What is recorded of an order: it goes to the phone system as a reply does, and nobody asked for it."""
        around, order = self._around, step.order
        assert order is not None
        began = around.clock()
        return Exchange(
            around.new_id(), platform.name, began, around.now(), "", began + _TIME / 2, dialect=platform.dialects[0], method=order.operation,
            content={"platform": platform.name, **step.about}, called_number=step.about.get("called_number"),
            platform_response=json.dumps(order.body).encode(), outcome="ordered", attempt=attempt,
        )  # fmt: skip

    def _observed(self, seen: Exchange) -> None:
        seen.finished = self._around.clock()
        with suppress(Exception):
            self._around.observe(seen)

    def _receipt(self) -> Receipt:
        return Receipt(self._around.new_id(), self._around.now(), self._include_raw)


def _due(talk: Conversation, name: str, receipt: Receipt, *, again: bool) -> Callable[[Row | None], Step]:
    """What a timer does, made of the call as it is kept by then."""
    return lambda row: talk.due(name, _kept(row), receipt, again=again)


def _kept_state(given: Any) -> Any:
    """The state that a request carries, ABSENT where it carries none. Raises AnswerRejected for one that cannot be kept."""
    if not isinstance(given, Mapping) or "state" not in given:
        return ABSENT
    try:
        storable_state(given["state"])
    except ValueError as error:
        raise AnswerRejected([Problem("state", str(error))]) from None
    return given["state"]


def _kept(row: Row | None) -> Kept:
    if row is None:
        raise NotStored("the call is kept no more")
    return Kept(row.key, row.call_id, row.session_id, row.document, 0.0)
