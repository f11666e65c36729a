"""A question as it is put to the backend, and what follows where the backend's answer cannot be used."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rpcbridge.backend import Client, Routes
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ActionRejected, Event
from rpcbridge.errors import AnswerRejected, NoUsableAnswer, Problem
from rpcbridge.exchange import Exchange, Surroundings
from rpcbridge.outbox import Notice, Outbox
from rpcbridge.schemas import actions, events


@dataclass(slots=True)
class Asked:
    """A question as it was put to the backend, and the answer: a JSON value, or why there is none."""

    event: Event
    content: dict[str, Any]
    answer: Any = None

    def usable(self) -> Any:
        """The answer. Raises NoUsableAnswer where there is none."""
        if isinstance(self.answer, NoUsableAnswer):
            raise self.answer
        return self.answer

    @property
    def keeps_state(self) -> bool:
        """Whether the answer says what the call's state is from now on."""
        return isinstance(self.answer, dict) and "state" in self.answer


class Questions:
    """Puts questions to whichever backend serves the called number. One for all threads of a process."""

    def __init__(
        self, client: Client, routes: Routes[AnyAction], outbox: Outbox, around: Surroundings, *, tell_rejected: bool
    ) -> None:
        self._client = client
        self._routes = routes
        self._outbox = outbox
        self._around = around
        self._tell_rejected = tell_rejected

    def ask(self, event: Event, seen: Exchange) -> Asked:
        """The event and what the backend said to it, or why it said nothing: both are shared by identical questions."""
        asked = Asked(event, events.dump(event))
        seen.content = asked.content
        try:
            url = self._routes.of(seen.called_number).url
            asked.answer = self._client.ask(url, asked.content, seen.deadline, seen.traceparent, seen.hop)
        except NoUsableAnswer as failure:
            asked.answer = failure
        return asked

    def fallback(self, seen: Exchange) -> AnyAction:
        """What a caller gets where the backend has no usable answer."""
        return self._routes.of(seen.called_number).fallback

    def reject(self, error: Exception, seen: Exchange) -> None:
        """Tell the backend that its answer could not be used, if it gave one; nobody waits for that."""
        event = seen.event
        if not self._tell_rejected or not isinstance(error, NoUsableAnswer) or event is None or not _answered(seen):
            return
        problems = error.problems if isinstance(error, AnswerRejected) else (Problem("", str(error)),)
        about = {name: getattr(event, name) for name in _ABOUT_A_CALL}
        rejected = ActionRejected(
            **about, event_id=self._around.new_id(), occurred_at=self._around.now(), reason=error.reason,
            problems=tuple((problem.path, problem.message) for problem in problems), served=actions.dump(self.fallback(seen)),
        )  # fmt: skip
        with suppress(Exception):
            self._outbox.post(Notice(events.dump(rejected), seen.traceparent))


def _answered(seen: Exchange) -> bool:
    """Whether the backend itself answered this question, and did not merely fail."""
    return not seen.shared and seen.hop.reply is not None and 200 <= seen.hop.reply.status < 300


_ABOUT_A_CALL = ("platform", "call_id", "direction", "caller_number", "caller_name", "called_number", "reference")
