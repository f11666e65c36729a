"""iotcomms Mediaservice: REST callbacks come in, what the IVR plays and whom it dials goes out; the bridge carries its calls on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rpcbridge.codec import REST, MethodCall, MethodResponse, Reply, Value, encode_reply
from rpcbridge.domain.actions import AnyAction, Call, Hangup
from rpcbridge.domain.events import Event
from rpcbridge.errors import AnswerRejected, NoUsableAnswer, Problem, Repair
from rpcbridge.platforms.conversation import Found
from rpcbridge.platforms.mediaservice import outgoing
from rpcbridge.platforms.mediaservice.dialogue import Dialogue
from rpcbridge.platforms.mediaservice.legs import UNKNOWN
from rpcbridge.platforms.mediaservice.names import FIELDS, REPLY_FIELDS
from rpcbridge.platforms.mediaservice.natives import action_of
from rpcbridge.platforms.mediaservice.phrases import Phrases, drop
from rpcbridge.platforms.mediaservice.reading import NOBODYS, turn_of
from rpcbridge.platforms.mediaservice.samples import SAMPLES
from rpcbridge.platforms.mediaservice.section import Section
from rpcbridge.platforms.mediaservice.tables import HELP, METHODS, SENSITIVE
from rpcbridge.platforms.mediaservice.turn import Rules
from rpcbridge.platforms.mediaservice.wire.callbacks import CALLBACKS
from rpcbridge.platforms.mediaservice.wire.replies import is_media, load_native
from rpcbridge.platforms.operations import Operations
from rpcbridge.platforms.shapes import Description, Kind, Native, Options, Receipt, UnusableCall

__all__ = ["NAME", "SAMPLES", "Mediaservice", "Section", "in_use", "make", "operations"]

NAME = "mediaservice"


class Mediaservice:
    """One configured Mediaservice. Pure."""

    name = NAME
    methods: Mapping[str, Kind] = METHODS
    dialects = (REST,)
    methods_in_path = True
    # A report that could not be stored is to come again; a request of nobody's method is somebody's mistake.
    statuses: Mapping[str, int] = {"not_stored": 503, "refused": 400}
    descriptions: Mapping[str, Description] = {method: Description(help, ("struct", "struct")) for method, help in HELP.items()}
    sensitive = SENSITIVE
    fields = FIELDS
    reply_fields = REPLY_FIELDS

    def __init__(self, section: Section, options: Options) -> None:
        self._section = section
        phrases, self._faults = _phrases(section, options)
        self._phrases = phrases
        self._verifier = outgoing.verifier_of(section)
        self.authenticates = self._verifier is not None
        self.conversation = Dialogue(NAME, Rules(section, phrases, reachable=outgoing.is_reachable(section)))

    def faults(self) -> tuple[Problem, ...]:
        return (*self._faults, *outgoing.faults(self._section))

    def refusal(self, header: Callable[[str], str], now: float) -> str:
        """Who signs callbacks with the key that is configured may post; what is signed is not the body."""
        if self._verifier is None:
            return ""
        return self._verifier.refusal(header(self._verifier.header), now)

    def method_named(self, segment: str, body: bytes) -> str:
        """An alarm comes to a URL of its own, whose last segment the customer chose."""
        return "alarm" if segment not in METHODS and _is_alarm(body) else segment

    def methods_of(self, body: Value) -> tuple[str, ...]:
        """Those of which every field is one; of a body that fits several, whoever sent it has to say which."""
        if not isinstance(body, dict) or not body:
            return ()
        return tuple(name for name, known in _KNOWN.items() if known and body.keys() <= known)

    def to_domain(self, call: MethodCall, receipt: Receipt) -> tuple[Event, tuple[Repair, ...]]:
        """The event of a call that is not kept: what carries calls on asks the conversation instead."""
        try:
            step = self.conversation.begin(call, Found(), receipt)
        except NoUsableAnswer as error:
            raise UnusableCall((Problem("", str(error)),)) from None
        event = step.question or (step.events[0].event if step.events else None)
        if event is None:
            raise UnusableCall((Problem("", f"{call.method} tells the backend nothing"),))
        return event, step.repairs

    def called_number(self, call: MethodCall) -> str | None:
        number = turn_of(call, NOBODYS).said.get("called_party") if call.method == "newCall" else None
        return number if isinstance(number, str) else None

    def shares(self, call: MethodCall) -> bool:
        return METHODS[call.method] == "question"

    def same_as(self, call: MethodCall) -> str:
        return ""  # the conversation tells it, event by event

    def is_native(self, answer: object) -> bool:
        return False  # `native` says so: an answer of the contract's has an `action`, too

    def load_native(self, answer: object, path: str) -> tuple[Native, tuple[Repair, ...]]:
        value, repairs = load_native(answer, path)
        return Native(value), repairs

    def action_of(self, native: Native) -> AnyAction:
        return action_of(native)

    def from_domain(
        self, action: AnyAction | Native, called_number: str | None, dialect: str
    ) -> tuple[MethodResponse, tuple[Repair, ...]]:
        """What newCall or callEvent is answered for a call to be dialled or dropped, else what getIvrCommand is."""
        if isinstance(action, Native):
            return MethodResponse(dict(action.value)), ()
        action = self._phrases.meant(action)
        if isinstance(action, Call):
            members, repairs = self._phrases.dialled(action, called_number)
        elif isinstance(action, Hangup) and action.prompt is None:
            members, repairs = drop(action.cause), ()
        else:
            members, repairs = self._phrases.played(action)
        return MethodResponse(members), repairs

    def stopgap(self, action: AnyAction, method: str, called_number: str | None, dialect: str) -> MethodResponse:
        """Of a call that is not known: newCall gets the fallback, an IVR that asks its prompt and the end."""
        if method == "callEvent":
            return MethodResponse(UNKNOWN)
        try:
            members = self.from_domain(action, called_number, dialect)[0].value
        except AnswerRejected:  # a fallback of another platform
            members = drop(None)
        assert isinstance(members, dict)
        if method != "getIvrCommand":
            return MethodResponse({"action": "ivr"} if is_media(members) else members)
        return MethodResponse({"phrases": members.get("phrases", []), "hangup": True})

    def acknowledge(self, stored: bool) -> MethodResponse:
        return MethodResponse({})

    def encode(self, response: Reply, dialect: str) -> bytes:
        return encode_reply(response, dialect)


# The fields of each callback, by the platform's names.
_KNOWN = {
    callback: {str(field.data_key or name) for name, field in schema.fields.items()} for callback, schema in CALLBACKS.items()
}  # fmt: skip


def in_use(section: Any) -> bool:
    """Whether anything is set: a bridge that is there for another phone system must not open a door that nobody knows of."""
    return bool(section != Section())


def operations(section: Any) -> Operations:
    """The platform's own operations, for /api and for what the bridge itself has to tell it. Call it after the fork."""
    return outgoing.Offered(outgoing.client_of(section), section)


def make(section: Any, options: Options) -> Mediaservice:
    """The platform, configured by its section."""
    return Mediaservice(section, options)


def _phrases(section: Section, options: Options) -> tuple[Phrases, tuple[Problem, ...]]:
    """What writes actions, and what is wrong with those that stand for layers: each is tried out."""
    problems: list[Problem] = []
    plain, layers = Phrases(replace(section, layers=()), options), []
    for layer, given in section.layers:
        try:
            plain.tried(given)
            layers.append((layer, given))
        except AnswerRejected as error:
            where = f"mediaservice.layers.{layer}"
            problems += [Problem(f"{where}.{problem.path}" if problem.path else where, problem.message) for problem in error.problems]
    return Phrases(replace(section, layers=tuple(layers)), options), tuple(problems)


def _is_alarm(body: bytes) -> bool:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "type" in value and "error" in value
