"""Voicenter's External IVR: GET_IVR_ACTION asks what a caller hears next, HANGUP_CALL reports the end of the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rpcbridge.codec import DIALECTS, MethodCall, MethodResponse, Reply, Value, encode_reply
from rpcbridge.domain.actions import AnyAction, Hangup
from rpcbridge.domain.events import Event
from rpcbridge.errors import AnswerRejected, Problem, Repair
from rpcbridge.platforms import Description, Kind, Native, Options, Receipt
from rpcbridge.platforms.voicenter import reading, replies, requests
from rpcbridge.platforms.voicenter.samples import SAMPLES
from rpcbridge.platforms.voicenter.tables import HELP, LANGUAGES, SAMPLED_AS_TEXT, SENSITIVE
from rpcbridge.settings.table import credentials, flag, networks, one_of, option, secret_segment, text

__all__ = ["NAME", "SAMPLES", "Section", "Voicenter", "in_use", "make"]

NAME = "voicenter"


@dataclass(frozen=True, slots=True)
class Section:
    """[voicenter]"""

    secret: str = option(secret_segment, "", "Secret last segment of the path Voicenter posts to: /voicenter/<secret>", secret=True)
    networks: tuple[str, ...] = option(networks, (), "Networks that may post, e.g. [\"192.0.2.0/24\"]; empty: any")
    credentials: str = option(credentials, "", "Basic credentials asked of who posts: USER:PASSWORD", secret=True)
    language: str = option(one_of(*LANGUAGES), "he", "Language of a reply whose action names none")
    language_case: str = option(
        one_of("sampled", "lower", "upper"), "sampled",
        "How LANGUAGE is written: as the vendor's samples do (he in XML, HE in JSON), or always lower or upper",
    )  # fmt: skip
    as_sampled: bool = option(flag, False, "Write the types of the vendor's samples where they differ from its tables")
    silent_prompt: str = option(text, "blank", "Name of a silent recording, played where say_digits has no intro_prompt")
    numeric_references: bool = option(flag, False, "Write Hebrew in XML as numeric references (ASCII only)")


class Voicenter:
    """One configured Voicenter. Pure."""

    name = NAME
    methods: Mapping[str, Kind] = {"GET_IVR_ACTION": "question", "HANGUP_CALL": "notification"}
    dialects = tuple(DIALECTS)
    methods_in_path = False
    conversation = None
    authenticates = False
    statuses: Mapping[str, int] = {}  # most clients give up at anything but 200, also with a good body
    descriptions: Mapping[str, Description] = {method: Description(help, ("struct", "struct")) for method, help in HELP.items()}
    sensitive = SENSITIVE
    fields = reading.FIELDS
    reply_fields = reading.REPLY_FIELDS

    def __init__(self, section: Section, options: Options) -> None:
        self._section = section
        self._replies = replies.Replies(section.language, section.silent_prompt, options)

    def faults(self) -> tuple[Problem, ...]:
        return ()

    def refusal(self, header: Callable[[str], str], now: float) -> str:
        return ""  # it signs nothing

    def method_named(self, segment: str, body: bytes) -> str:
        return segment

    def methods_of(self, body: Value) -> tuple[str, ...]:
        return ()  # it is in the body

    def to_domain(self, call: MethodCall, receipt: Receipt) -> tuple[Event, tuple[Repair, ...]]:
        if self.methods[call.method] == "question":
            return requests.action_requested(call, receipt)
        return requests.call_ended(call, receipt)

    def called_number(self, call: MethodCall) -> str | None:
        return requests.text_of(call, "DID")

    def shares(self, call: MethodCall) -> bool:
        return self.methods[call.method] == "question" and bool(requests.text_of(call, "IVR_UNIQUE_ID"))

    def same_as(self, call: MethodCall) -> str:
        return requests.fingerprint(call)

    def is_native(self, answer: object) -> bool:
        return isinstance(answer, dict) and "ACTION" in answer

    def load_native(self, answer: object, path: str) -> tuple[Native, tuple[Repair, ...]]:
        return replies.load_native(answer, path, self._section.language)

    def action_of(self, native: Native) -> AnyAction:
        return reading.action_of(native)

    def from_domain(
        self, action: AnyAction | Native, called_number: str | None, dialect: str
    ) -> tuple[MethodResponse, tuple[Repair, ...]]:
        if isinstance(action, Native):
            name, language, data, repairs = replies.native_data(action, called_number)
        else:
            name, language, data, repairs = self._replies.written(action, called_number)
        if self._section.as_sampled:
            data = {k: str(v) if k in SAMPLED_AS_TEXT[dialect] else v for k, v in data.items()}
        reply: dict[str, Value] = {"STATUS": 0, "ACTION": name, "LANGUAGE": self._cased(language, dialect), "DATA": data}
        return MethodResponse(reply), repairs

    def stopgap(self, action: AnyAction, method: str, called_number: str | None, dialect: str) -> MethodResponse:
        try:
            return self.from_domain(action, called_number, dialect)[0]
        except AnswerRejected:  # of the fallback of another platform
            return self.from_domain(Hangup(), called_number, dialect)[0]

    def acknowledge(self, stored: bool) -> MethodResponse:
        return MethodResponse({"STATUS": 0 if stored else 1})

    def encode(self, response: Reply, dialect: str) -> bytes:
        return encode_reply(response, dialect, numeric_references=self._section.numeric_references)

    def _cased(self, language: str, dialect: str) -> str:
        case = self._section.language_case
        upper = case == "upper" or (case == "sampled" and dialect in ("json", "jsonrpc"))
        return language.upper() if upper else language


def in_use(section: Any) -> bool:
    """Always: nothing has to be set for Voicenter to call."""
    return True


def make(section: Any, options: Options) -> Voicenter:
    """The platform, configured by its section."""
    return Voicenter(section, options)
