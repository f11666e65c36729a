"""One callback as it is worked on, and how a step is made of where it leaves the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rpcbridge.codec import Value
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ABSENT, ActionRequested, Maybe
from rpcbridge.errors import Repair
from rpcbridge.platforms.conversation import Order, Step, Told
from rpcbridge.platforms.mediaservice.phrases import Phrases
from rpcbridge.platforms.mediaservice.section import Section
from rpcbridge.platforms.mediaservice.session import Session
from rpcbridge.platforms.shapes import Native, Receipt

# Seconds after our last word until a call counts as over, where the platform does not say so itself.
LINGER = 30.0

# Timers. The first four tell the platform something.
SPLIT, LIMIT, START_RECORDING, STOP_RECORDING = "split", "limit", "start_recording", "stop_recording"
END, EXPIRE = "end", "expire"
ORDERS = frozenset({SPLIT, LIMIT, START_RECORDING, STOP_RECORDING})

# An order goes out only when our reply is with the platform.
AFTER_REPLY = 0.2


@dataclass(frozen=True, slots=True)
class Rules:
    """What every step depends on beside the call: the settings, how actions are written, whether orders can be sent."""

    section: Section
    phrases: Phrases
    reachable: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A callback: its name, its fields by our names, what it carried beside them, when and as which exchange it came."""

    method: str
    said: Mapping[str, Any]
    raw: Mapping[str, Any]
    receipt: Receipt
    repairs: tuple[Repair, ...] = ()

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.receipt.occurred_at.timestamp()

    def text(self, name: str) -> str:
        """A field's text, "" where there is none."""
        value = self.said.get(name)
        return value if isinstance(value, str) else ""

    @property
    def session_id(self) -> str:
        """The platform's id of the call, without the blanks that it may have been broken by; "" where there is none."""
        return "".join(self.text("session_id").split())

    @property
    def kept_raw(self) -> Maybe[object]:
        """The platform's own fields, where the backend gets them."""
        return self.raw if self.receipt.include_raw else ABSENT


def stepped(
    session: Session,
    reply: Value = None,
    *,
    served: AnyAction | Native | None = None,
    deferred: bool = False,
    question: ActionRequested | None = None,
    events: tuple[Told, ...] = (),
    timers: Mapping[str, float | None] | None = None,
    order: Order | None = None,
    needed: bool = False,
    outcome: str = "answered",
    repairs: tuple[Repair, ...] = (),
) -> Step:
    """The step that leaves the call as `session`; what is not heard of for its time is looked after then."""
    kept = session.kept()
    return Step(
        kept=kept, reply=reply, served=served, deferred=deferred, question=question, about=session.about(), events=events,
        timers={EXPIRE: kept.seconds} | dict(timers or {}), order=order, needed=needed, outcome=outcome,
        repairs=repairs,
    )  # fmt: skip


def reference(session: Session) -> dict[str, Any]:
    """What every reply carries, so that callbacks without a session's id find the call: nothing but our key."""
    return {"sessionReferenceId": {"rb": session.key}}


def echoed(session: Session, members: Mapping[str, Any]) -> dict[str, Any]:
    """A getIvrCommand's answer: `members` with the ids that the platform wants back."""
    return {**members, "sessionId": session.session_id, **reference(session), "replyId": session.command}


def hung_up(session: Session, cause_code: str, by: str) -> Session:
    """The call after our last word."""
    return replace(session, phase="ending", drop_code=cause_code, ended_by=session.ended_by or by, fresh=False)
