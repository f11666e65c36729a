"""What must not be read in a record: phone numbers, names, digits that callers press, credentials. Pure.

Works on the text as it stands, so that a payload keeps its shape, also one that is no XML or JSON
at all. Three nets, one below the other: fields by their names, values known from the call
wherever they stand, and anything that looks like a phone number.
"""

from __future__ import annotations

import functools
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote_plus, unquote_plus
from xml.sax.saxutils import escape

from rpcbridge.redaction.known import Known
from rpcbridge.redaction.masks import (
    DIGITS,
    MARK,
    MARK_ALONE,
    MARKS,
    MAY_BE_READ,
    TABLES,
    Masks,
    Sensitivity,
    in_place,
    number_masked,
    stars,
    without_numbers,
    without_quotes,
    without_said,
)

__all__ = ["CONTRACT", "Known", "Redactor", "Sensitivity", "without_quotes"]

# The backend contract's own fields.
CONTRACT: Mapping[str, Sensitivity] = {
    "caller_number": "number", "called_number": "number", "target": "number", "dial_strings": "number",
    "caller_name": "name", "digits": "digits", "send_digits": "digits",
    "state": "state", "call_id": "plain", "event_id": "plain", "platform_call_time": "plain", "platform_call_start": "plain",
    "event": "plain", "occurred_at": "plain", "platform": "plain", "direction": "plain", "reason": "plain",
}  # fmt: skip

_CREDENTIALS = {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "webhook-signature"}

# What never says anything of a caller.
_HARMLESS = {
    "accept", "connection", "content-length", "content-type", "date", "idempotency-key", "keep-alive", "rpcbridge-attempt",
    "rpcbridge-contract", "rpcbridge-deadline-ms", "server", "traceparent", "transfer-encoding", "user-agent", "webhook-id",
    "webhook-timestamp",
}  # fmt: skip

# A menu's answer and reply are the same for every caller: what was masked once need not be again.
_REMEMBERED, _SHORT = 256, 2048  # texts, characters
_TEMPLATES = 512  # of requests: one for each menu, each choice in it, and whatever else callers do not have of their own

# A value of JSON; a list is one value, its texts are masked one by one.
_VALUE = r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[-+]?[0-9][^\s,}\]]*|\[[^\[\]{}]*\]?)"""

_ANY_JSON = json.JSONDecoder()
_MESSAGE = re.compile(r'("message"\s*:\s*")((?:[^"\\]|\\.)*)')  # of what was wrong with an answer: it quotes it
_TURNED = re.compile(r"</value>\s*<name")
_JSON_IN_FORM = re.compile(r"(=)((?:%7B|%5B)[^&\s]*)", re.IGNORECASE)
# A query holds an event's fields, or what the operator put there: a key to get in, for all we know.
_QUERY = re.compile(r"([?&])([^=&\s#]*)=([^&\s#]*)")
_EVENT_FIELDS = {
    *CONTRACT, "turn", "menu", "previous_menu", "call_status", "platform_text", "hangup_cause", "ended_by", "duration",
    "ring_duration", "billed_duration", "estimated", "raw", "rejected", "reference",
}  # fmt: skip

# Ways to write a plain letter or digit so that no net would see it.
_XML_LETTER = re.compile(r"&#(?:0*(4[89]|5[0-7]|6[5-9]|[78][0-9]|90|95|9[7-9]|1[01][0-9]|12[0-2])|x0*(3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[fF]));")
# What is not closed runs to the end: else each beginning would look for an end in vain.
_XML_WRAPPING = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<\?(?!xml\s).*?(?:\?>|\Z)", re.DOTALL)
_JSON_LETTER = re.compile(r"\\u00([3-7][0-9a-fA-F])")


class Redactor:
    """Masks the texts of one store: `key` makes its pseudonyms, `fields` adds the platforms' names to the contract's."""

    def __init__(
        self, key: bytes, fields: Mapping[str, Sensitivity], *, secret_headers: Iterable[str] = (), reveal: bool = False,
        secret_digits: bool = False,
    ) -> None:  # fmt: skip
        """`secret_digits`: there are menus whose digits are secret whatever their length, so that no digit of a state is shown."""
        self._key = key
        self._state_digits = re.compile("[0-9]+") if secret_digits else DIGITS
        self._fields = {**CONTRACT, **fields}
        names = "|".join(sorted(map(re.escape, self._fields), key=len, reverse=True))
        self._states = tuple(f'"{name}"' for name, kind in self._fields.items() if kind == "state")
        self._state = re.compile(rf"(?:{'|'.join(map(re.escape, self._states))})\s*:\s*")
        # Of each: all that stands before a value, the field's name in it, the value.
        self._xml = re.compile(
            rf"(<name\s*>\s*({names})\s*</name\s*>\s*<value\s*>\s*(?:<(?!array>)\w[\w.]*>)?)(<array>.*?(?:</array>|\Z)|[^<]*)", re.DOTALL
        )
        self._xml_turned = re.compile(rf"(<value\s*>\s*(?:<\w[\w.]*>)?)([^<]*)(?=(?:</\w[\w.]*>)?\s*</value>\s*<name\s*>\s*({names})\s*<)")
        self._json = re.compile(rf"""(["'{{,\s]({names})["']?\s*:\s*){_VALUE}""")
        self._form = re.compile(rf"((?<![^?&\s])({names})=)([^&\s]*)")
        self._headers = _CREDENTIALS | {name.lower() for name in secret_headers}
        self._header_kind = functools.lru_cache(_REMEMBERED)(self._kind_of_header)
        self._reveal = reveal
        self._repeated = functools.lru_cache(_REMEMBERED)(self._masked)
        self._template = functools.lru_cache(_TEMPLATES)(self._without_own)
        self.pseudonym = functools.lru_cache(_REMEMBERED)(self._pseudonym)

    def _pseudonym(self, number: str) -> str:
        """The same 16 characters for the same number, within this store."""
        return hmac.digest(self._key, number.encode(), "sha256").hex()[:16] if number else ""

    def number(self, text: str) -> str:
        """A phone number but for its last two digits."""
        return text if self._reveal else number_masked(text)

    def payload(self, text: str, known: Known, *, repeats: bool = False) -> str:
        """A request, event, answer or reply, in whatever form it is. `repeats`: it is likely to come again."""
        if self._reveal or not text:
            return text
        if len(text) > _SHORT:
            return known.removed(self._masked(text, known.secret_digits))
        if repeats:
            return known.removed(self._repeated(text, known.secret_digits))
        template = self._template(known.cut(text), known.secret_digits)
        return known.removed(self._masked(text, known.secret_digits) if template is None else known.filled_in(template))

    def said(self, text: str, digits: str) -> str:
        """A reply in which these digits are said to the caller, in whatever words: without them."""
        return text if self._reveal else without_said(text, digits)

    def _has_state(self, text: str) -> bool:
        return any(name in text for name in self._states)

    def _without_own(self, cut: str, hide_digits: bool) -> str | None:
        """`cut`, in which marks stand for one call's own values, masked but for the marks; None where that would not tell for every call.

        It does where each mark is a whole value, in a field of its own kind or in one that no name tells; and then
        the value becomes what the mark does. The call's own values are looked for afterwards all the same.
        """
        if self._has_state(cut) or len(MARK.findall(cut)) != len(MARK_ALONE.findall(cut)):
            return None
        masked = self._masked(cut, hide_digits, marked=True)
        if MARKS["plain"] in masked:  # where no name says that it may be read, it depends on what it looks like
            return None
        masked = masked.replace(MAY_BE_READ, MARKS["plain"])
        return masked if MARK.findall(masked) == MARK.findall(cut) else None

    def _masked(self, text: str, hide_digits: bool, marked: bool = False) -> str:
        """What the fields' names and the shape of numbers tell."""
        masks = TABLES[hide_digits, marked]
        begin = text.lstrip()[:1]
        patterns: tuple[re.Pattern[str], ...]
        if begin == "<":
            text, patterns = _plainly_written_xml(text), (self._xml,)
            if _TURNED.search(text):
                text = self._xml_turned.sub(lambda found: found[1] + in_place(found[2], masks[self._fields[found[3]]]), text)
        elif begin in ("{", "["):
            text, patterns = self._without_states(_plainly_written_json(text)), (self._json,)
        else:  # a form, or nobody knows what
            text = _JSON_IN_FORM.sub(lambda found: found[1] + quote_plus(self._masked(_without_quoting(unquote_plus(found[2])), hide_digits)), text)
            patterns = (self._form, self._json, self._xml)
        kept: list[str] = []
        for pattern in patterns:
            text = self._hidden(pattern, text, masks, kept)
        return without_numbers(text, kept)

    def _hidden(self, pattern: re.Pattern[str], text: str, masks: Masks, kept: list[str]) -> str:
        """`text` with the fields masked that `pattern` finds; those which are plain are added to `kept`.

        Split and joined: a substitution that calls a function for each field takes twice as long.
        """
        parts = pattern.split(text)
        for place in range(2, len(parts), 4):
            name, value = parts[place], parts[place + 1]
            parts[place] = ""  # it stands in the part before it, too
            if self._fields[name] == "plain":
                kept.append(value.strip("\"' \t\r\n"))
                parts[place + 1] = masks["plain"](value)
            elif value:
                parts[place + 1] = in_place(value, masks[self._fields[name]])
        return "".join(parts)

    def _without_states(self, text: str) -> str:
        """JSON without the digits in any `state` or what is like one; one that does not end runs to the end."""
        if not self._has_state(text):
            return text
        parts, end = [], 0
        for found in self._state.finditer(text):
            if found.start() >= end:
                parts.append(text[end : found.end()])
                try:
                    end = _ANY_JSON.raw_decode(text, found.end())[1]
                except (ValueError, RecursionError):
                    end = len(text)
                parts.append(self._without_digits(text[found.end() : end]))
        return "".join([*parts, text[end:]])

    def _without_digits(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._state_digits.sub(lambda digits: stars(digits[0]), value)
        if isinstance(value, dict):
            return {self._without_digits(name): self._without_digits(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._without_digits(item) for item in value]
        return value if isinstance(value, bool) or value is None else _changed(value, self._without_digits(str(value)))

    def fields(self, content: Mapping[str, Any], known: Known) -> dict[str, Any]:
        """A flat JSON object, such as an event: as `payload` does its text, at a tenth of the cost."""
        if self._reveal:
            return dict(content)
        kind_of = self._fields.get
        return {name: self._value(name, value, known) if value and kind_of(name) != "plain" else value for name, value in content.items()}

    def repeated_fields(self, content: Mapping[str, Any], *, secret_digits: bool) -> tuple[dict[str, Any], str]:
        """A JSON object that many calls have alike, as `fields` without any call's values, and all of its texts: see `Known.stands_in`."""
        shown = self.fields(content, Known(secret_digits=secret_digits))
        return shown, "\n".join(_texts(shown))

    def _value(self, name: str, value: Any, known: Known) -> Any:
        kind = self._fields.get(name)
        if not value or value is True or kind == "plain":
            return value
        if kind == "state":
            return self._without_digits(self._value("", value, known))
        if isinstance(value, str):
            if name == "message":
                return self.quoting(value, known)
            return self.remark(value, known) if kind is None else in_place(value, TABLES[known.secret_digits, False][kind])
        if isinstance(value, dict):
            return {self.remark(inner, known): self._value(inner, content, known) for inner, content in value.items()}
        if isinstance(value, list):
            return [self._value(name, item, known) for item in value]
        return _changed(value, self.remark(str(value), known)) if kind is None else in_place(str(value), TABLES[known.secret_digits, False][kind])

    def repair(self, path: str, detail: str, known: Known) -> str:
        """What was put right in the field at `path`: it quotes the value."""
        name = next((part for part in reversed(path.split(".")) if not part.isdigit()), "")
        return detail if self._reveal else "***" if self._fields.get(name, "plain") not in ("plain", "state") else self.quoting(detail, known)

    def quoting(self, remark: str, known: Known) -> str:
        """A remark that may quote anything somebody sent."""
        return remark if self._reveal else self.remark(without_quotes(remark), known)

    def url(self, text: str, known: Known) -> str:
        """A URL with its path and query."""
        if "?" in text:
            text = _QUERY.sub(lambda found: found[0] if found[2] in _EVENT_FIELDS else f"{found[1]}{found[2]}=***", text)
        return self.payload(" " + text, known, repeats=True)[1:] if not self._reveal else text

    def headers(self, headers: Iterable[tuple[str, str]], known: Known) -> list[tuple[str, str]]:
        """HTTP headers: what looks like a credential is gone, `capture.reveal` or not."""
        kind_of = self._header_kind
        return [
            (name, value if (kind := kind_of(name)) == "harmless" else "***" if kind == "secret" else self.remark(value, known))
            for name, value in headers
        ]

    def _kind_of_header(self, name: str) -> Literal["secret", "harmless", ""]:
        name = name.lower()
        return "secret" if name in self._headers else "harmless" if name in _HARMLESS else ""

    def remark(self, text: str, known: Known) -> str:
        """A line of our own about a payload: it may quote a value."""
        return text if self._reveal or not text else known.removed(without_numbers(text))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, and every number as one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)


def _changed(value: Any, masked: str) -> Any:
    """A number as it is, or as masked where there was something to mask."""
    return value if masked == str(value) else masked


def _without_quoting(text: str) -> str:
    """JSON whose messages quote no digits."""
    return _MESSAGE.sub(lambda found: found[1] + without_quotes(found[2]), text)


def _plainly_written_xml(text: str) -> str:
    """Letters and digits as themselves, not as references or in CDATA sections, and no comments to hide in."""
    if ("!" in text and "<!" in text) or text.find("<?", 5) >= 0:
        text = _XML_WRAPPING.sub(lambda found: escape(found[1] or ""), text)
    if "&" in text and "&#" in text:
        text = _XML_LETTER.sub(lambda found: _letter(int(found[1]) if found[1] else int(found[2], 16), found[0]), text)
    return text


def _plainly_written_json(text: str) -> str:
    if "\\u00" not in text:
        return text
    return _JSON_LETTER.sub(lambda found: _letter(int(found[1], 16), found[0]), text)


def _letter(code: int, written: str) -> str:
    character = chr(code)
    return character if character.isalnum() or character == "_" else written
