"""A call as a ladder: three lifelines, time runs down. Documents -> places and words; a template draws them. Pure.

Time is compressed: what happens takes a row, and a pause says how long it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rpcbridge.inspector.documents import Document, is_delivery, is_order, is_own
from rpcbridge.inspector.heard import prompt_in_words
from rpcbridge.inspector.words import failed, isolated, milliseconds, seconds
from rpcbridge.schemas.fields import carried

# good: it came through. failed: this try did not help. fallback: the caller got the configured action.
Tone = Literal["good", "failed", "fallback"]

# Units of the drawing.
WIDTH = 1000
PLATFORM, BRIDGE, BACKEND = 130, 465, 800
_HEAD, _FOOT = 44, 14  # above the first row, below the last
_ROW, _PAD, _PAUSE, _NO_PAUSE = 36, 10, 34, 12
_LETTERS = 50  # of a label between two lifelines
_SHORTEST_PAUSE = 0.05  # seconds: a shorter one is none to a person


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one lifeline to another at the height `y`; the label stands above it. `stops`: it does not arrive."""

    x1: int
    x2: int
    y: int
    label: str
    tone: Tone = "good"
    stops: bool = False

    @property
    def middle(self) -> float:
        """Where the label's middle is."""
        return (self.x1 + self.x2) / 2

    @property
    def point(self) -> int:
        """Which way it points: 1 to the right."""
        return 1 if self.x2 > self.x1 else -1


@dataclass(frozen=True, slots=True)
class Note:
    """Words on the right of the bridge's lifeline, framed."""

    x: int
    y: int
    width: int
    label: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Band:
    """One exchange: what it is, when (since the call's first), how long it took, and what is drawn in it."""

    id: str
    y: int
    height: int
    name: str
    since: str
    took: str
    share: float  # of the deadline, 0 to 1
    remark: str  # how much was put right
    tone: Tone
    title: str  # what it was, in words
    arrows: tuple[Arrow, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing happens for a while."""

    y: int
    height: int
    label: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Everything to draw, and the same in a sentence."""

    height: int
    bands: tuple[Band, ...]
    pauses: tuple[Pause, ...]
    title: str
    description: str
    width: int = WIDTH
    lifelines: tuple[tuple[int, str], ...] = ((PLATFORM, "phone system"), (BRIDGE, "rpcbridge"), (BACKEND, "backend"))

    @property
    def bottom(self) -> int:
        """Where the lifelines end."""
        return self.height - _FOOT


def laid_out(documents: Sequence[Document], names: Mapping[str, str] | None = None) -> Ladder:
    """The ladder of one call's exchanges, the oldest first. `names`: what each is called, by its id."""
    bands: list[Band] = []
    pauses: list[Pause] = []
    y, before, action = _HEAD, None, ""
    for seen in documents:
        if before is not None:
            label = _pause(before, seen, action)
            pauses += [Pause(y, _PAUSE, label)] if label else []
            y += _PAUSE if label else _NO_PAUSE
        band = _band(seen, y, (names or {}).get(seen["id"], ""), documents[0])
        bands.append(band)
        y, before, action = y + band.height, seen, (seen.get("served") or {}).get("action", action)
    return Ladder(y + _FOOT, tuple(bands), tuple(pauses), *_in_words(documents))


def _band(seen: Document, y: int, name: str, first: Document) -> Band:
    rows = _Rows(y + _PAD)
    _asked(seen, rows)
    _tried(seen, rows)
    _answered(seen, rows)
    took, deadline, repairs = float(seen["total_ms"]), float(seen.get("deadline_ms") or 0), len(seen.get("repairs") or ())
    tone = _tone(seen)
    return Band(
        seen["id"], y, rows.bottom - y, name, f"+{_moment(seen) - _moment(first):.1f} s", milliseconds(took),
        round(min(took / deadline, 1.0), 3) if deadline else 0.0, f"{repairs} repair{'s' * (repairs > 1)}" if repairs else "",
        tone, _title(seen), tuple(rows.arrows), tuple(rows.notes),
    )  # fmt: skip


class _Rows:
    """Arrows and notes as they are put down. A row takes one arrow on each side of the bridge."""

    def __init__(self, y: int) -> None:
        self.arrows: list[Arrow] = []
        self.notes: list[Note] = []
        self._row = y
        self._taken: set[str] = set()

    @property
    def bottom(self) -> int:
        """Below the last row."""
        return self._row + _ROW

    def arrow(self, x1: int, x2: int, label: str, tone: Tone = "good", *, stops: bool = False) -> None:
        """In this row where there is room on that side, else in the next."""
        y = self._at("left" if PLATFORM in (x1, x2) else "right")
        self.arrows.append(Arrow(x1, x2, y, shortened(label), tone, stops))

    def note(self, label: str, tone: Tone) -> None:
        """Beside the bridge, on the backend's side."""
        text = shortened(label)
        self.notes.append(Note(BRIDGE + 10, self._at("right") - 15, min(44 + 8 * len(text), BACKEND - BRIDGE - 20), text, tone))

    def next(self) -> None:
        """What comes now stands below all that was."""
        if self._taken:
            self._row, self._taken = self._row + _ROW, set()

    def _at(self, side: str) -> int:
        if side in self._taken:
            self.next()
        self._taken.add(side)
        return self._row + _ROW - 12


def _asked(seen: Document, rows: _Rows) -> None:
    """The phone system's request, which what the bridge does by itself has none of."""
    if is_own(seen):
        return
    event = seen["stations"]["event"] or {}
    told = [seen["method"] or "not a call of a known method"]
    if event.get("event") == "action_requested":
        told += [f"menu {isolated(event['menu'])}"] if event.get("menu") else []
        told += [f"digits {event['digits']}"] if event.get("digits") else []
    told += [str(event["event"]).replace("_", " ")] if event.get("event") not in (None, "action_requested", "call_ended") else []
    told += [f"{event['call_status']}".replace("_", " ")] if event.get("call_status") else []
    rows.arrow(PLATFORM, BRIDGE, " · ".join(map(str, told)))


def _tried(seen: Document, rows: _Rows) -> None:
    """The attempts at the backend; the answer of the one that brought any."""
    attempts: Sequence[Mapping[str, Any]] = seen.get("attempts") or []
    for attempt in attempts:
        number, failure, took = attempt["number"], failed(attempt), milliseconds(attempt["ms"])
        which = f"attempt {number}" if len(attempts) > 1 or number > 1 or failure else ""
        if failure:
            rows.arrow(BRIDGE, BACKEND, f"{which} failed: {failure}, {took}", "failed", stops=not attempt["status"])
            continue
        unusable = seen["outcome"] == "fallback"
        rows.arrow(BRIDGE, BACKEND, " · ".join(filter(None, (which, _what(seen)))))
        rows.next()
        rows.arrow(BACKEND, BRIDGE, f"HTTP {attempt['status']}, {took}{', not usable' * unusable}", "failed" if unusable else "good")
    if seen.get("shared"):
        rows.note("answered with an identical question", "good")


def _what(seen: Document) -> str:
    """What is asked of the backend: a delivery's event, else where the request goes."""
    sent = seen["stations"]["backend_request"] or {}
    path = "/" + str(sent.get("url", "")).partition("://")[2].partition("/")[2].partition("?")[0]
    return str(seen["method"]) if is_delivery(seen) else f"{sent.get('method', '')} {path}"


def _answered(seen: Document, rows: _Rows) -> None:
    """What became of it: marks beside the bridge, and the reply to the phone system."""
    if trouble := mark(seen):
        rows.note(trouble, _tone(seen))
    if is_delivery(seen):
        return
    if not _on_the_last_row(rows):
        rows.next()
    rows.arrow(BRIDGE, PLATFORM, _reply(seen), _tone(seen))


def _on_the_last_row(rows: _Rows) -> bool:
    """Whether the reply may stand beside what came last: it must not stand beside the request."""
    return bool(rows.arrows) and (len(rows.arrows) + len(rows.notes)) > 1 and rows.arrows[0].y < max(
        [arrow.y for arrow in rows.arrows] + [note.y for note in rows.notes]
    )


def _reply(seen: Document) -> str:
    served = seen.get("served")
    if is_order(seen):
        return f"order: {seen['method']}"
    if not served:
        return str(seen["outcome"]).replace("_", " ")
    menu = served.get("menu") or ""
    if seen.get("deferred"):
        return shortened(f"into the IVR · {served['action']}{f' {isolated(menu)}' if menu else ''} follows")
    target = f" {served['target']}" if served.get("target") else f" → {isolated(menu)}" if menu else ""
    prompt = served.get("prompt") or served.get("caller_prompt")
    return f"{'native ' if seen.get('native') else ''}{served['action']}{target}{f' · {prompt_in_words(prompt)}' if prompt else ''}"


def mark(seen: Document) -> str:
    """What must be seen of an exchange before all else, "" for nothing."""
    reason = f": {seen['reason']}" if seen.get("reason") else ""
    words = {"fallback": "FALLBACK", "not_stored": "NOT STORED", "dead_letter": "DEAD LETTER", "refused": "REFUSED", "postponed": "postponed", "order_failed": "ORDER FAILED"}
    word = words.get(seen["outcome"])
    return f"{word}{reason}" if word else ""


def shortened(text: str, letters: int = _LETTERS) -> str:
    """`text` as far as there is room, without what no XML can carry; what is isolated stays closed."""
    text = carried(text)
    if len(text) <= letters:
        return text
    cut = text[: letters - 1]
    opened = cut.count("\N{FIRST STRONG ISOLATE}") - cut.count("\N{POP DIRECTIONAL ISOLATE}")
    return cut + "…" + "\N{POP DIRECTIONAL ISOLATE}" * opened


def _tone(seen: Document) -> Tone:
    if seen["outcome"] in ("fallback", "not_stored", "dead_letter"):
        return "fallback"
    return "failed" if seen["outcome"] in ("postponed", "refused", "order_failed") else "good"


def _moment(seen: Document) -> float:
    return datetime.fromisoformat(seen["received_at"]).timestamp()


_MEANWHILE = {
    "menu": "the caller listens", "say_digits": "the caller listens", "call": "the caller is being connected", "record": "the caller is recorded",
    "go_to_layer": "the caller is in the phone system's own IVR", "hangup": "the call ends",
}  # fmt: skip


def _pause(before: Document, seen: Document, action: str) -> str:
    length = _moment(seen) - _moment(before) - before["total_ms"] / 1000
    if length < _SHORTEST_PAUSE:
        return ""
    meanwhile = "until the delivery" if is_delivery(seen) else _MEANWHILE.get(action, "")
    told = f"{length:.1f} s" if length < 60 else seconds(round(length))
    return f"{told}: {meanwhile}" if meanwhile else told


def _title(seen: Document) -> str:
    tries = len(seen.get("attempts") or ())
    parts: Iterable[str] = (
        seen["method"], str(seen["outcome"]).replace("_", " "), str(seen.get("reason") or ""), f"{tries} attempt{'s' * (tries > 1)}" if tries else "",
    )  # fmt: skip
    return ", ".join(part for part in parts if part)


def _in_words(documents: Sequence[Document]) -> tuple[str, str]:
    """Title and description of the whole drawing."""
    count = len(documents)
    trouble = [mark(seen) for seen in documents if _tone(seen) == "fallback"]
    tries = sum(bool(failed(attempt)) for seen in documents for attempt in seen.get("attempts") or ())
    told = f"{count} exchange{'s' * (count != 1)} between phone system, rpcbridge and backend, time runs down. "
    told += f"{tries} attempt{'s' * (tries != 1)} failed. " if tries else "No attempt failed. "
    told += f"Troubles: {'; '.join(trouble)}. " if trouble else "No fallback. "
    return f"Ladder diagram of {count} exchange{'s' * (count != 1)}", told.rstrip()
