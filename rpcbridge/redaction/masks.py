"""How a value is masked, by what its field holds; what looks like a phone number; and marks that stand for values. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Literal
from urllib.parse import unquote_plus

# What a field holds. `plain` is neither: it is kept although it may look like a number. `state` is a backend's own:
# whatever a caller pressed before may stand in it, under any name. `spoken` is a text that is read out, digits in it one by one.
# `token` lets whoever has it do something: its last characters alone tell one from another.
Sensitivity = Literal["number", "name", "digits", "plain", "state", "spoken", "token"]

# A number in running text: seven digits at a stretch, or groups of them as people write them. Begins
# with a plain class of characters: that is how `re` skips fast.
_LOOSE = re.compile(r"[0-9+](?:[0-9]{6,}|[0-9]{1,4}(?:[ \-][0-9]{3,4}){2,})")
_MAYBE = re.compile(r"[0-9][0-9 \-]{5,}[0-9]")  # none, and the dearer look can be spared
_WORD = re.compile(r"[0-9A-Za-z]")
# No number, though some of its groups may be nothing but digits.
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
# The user in an address; what stands before it in angle brackets is a name.
_ADDRESS = re.compile(r"(?:[^<>]*(<))?\b((?:sips?|tel):)([^@;<>\s\"\\]*)", re.IGNORECASE)
_SPOKEN = re.compile(r"[0-9](?:[\s,.\-]{0,3}[0-9]){3,}")  # said one by one, or as one number
_ITEM = re.compile(r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,\[\]]+""")
_XML_TEXT = re.compile(r">([^<>]*[^<>\s][^<>]*)")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?""")
SHOWN_DIGITS = 4  # fewer are a choice in a menu; so many may be a card, a code, an account
DIGITS = re.compile(rf"[0-9]{{{SHOWN_DIGITS},}}")


def without_quotes(remark: str) -> str:
    """A remark in which quoted digits and any longer number became `…`: for a log, which knows no call's values."""
    return re.sub(r"[0-9]{4,}", "…", _QUOTED.sub(lambda quoted: re.sub("[0-9]+", "…", quoted[0]), remark))


def ends_in_a_word(text: str) -> bool:
    """Whether a letter or digit stands at the end; one that ends an escape of JSON, as in `\\n`, is none."""
    return text[-1:].isalnum() and not (text[-2:-1] == "\\" and text[-1] in "nrtbf")


def in_place(value: str, mask: Callable[[str], str]) -> str:
    """A field's value as it stands in the text, its quotes, blanks and brackets kept."""
    if value.isalnum():
        return mask(value)
    if value.startswith("<"):
        return _XML_TEXT.sub(lambda found: f">{_inner(found[1], mask)}", value)
    if value.startswith("["):
        return _ITEM.sub(lambda item: _inner(item[0], mask), value)
    return _inner(value, mask)


def _inner(value: str, mask: Callable[[str], str]) -> str:
    plain = unquote_plus(value) if "%" in value else value
    inner = plain.strip()
    mark = inner[:1] if inner[:1] in ("'", '"') else ""
    inner = inner[len(mark) :]
    inner = (inner[:-1] if mark and inner.endswith(mark) else inner).strip()
    before, _, after = plain.partition(inner) if inner else (value, "", "")
    return f"{before}{mask(inner)}{after}" if inner else value


def without_numbers(text: str, kept: Container[str] = ()) -> str:
    """`text` with everything masked that looks like a phone number, and is not part of a word or one of `kept`."""

    ids: list[tuple[int, int]] | None = None

    def stays(found: re.Match[str]) -> bool:
        nonlocal ids
        begin, end = found.span()
        if found[0] in kept or _WORD.match(text, end) or ends_in_a_word(text[max(0, begin - 2) : begin]):
            return True
        if ids is None:
            ids = [id.span() for id in _UUID.finditer(text)] if "-" in text else []
        return any(first <= begin and end <= last for first, last in ids)

    for found in _MAYBE.finditer(text):
        # Digits alone, without a sign, are what the dearer look would find, too: mostly a call's id.
        if not found[0].isdigit() or "+" in text or not stays(found):
            return _LOOSE.sub(lambda found: found[0] if stays(found) else number_masked(found[0]), text)
    return text


def number_masked(text: str) -> str:
    """All but the last two digits; of an address the number in it alone, so that it can be seen where it led."""
    if ":" in text and _ADDRESS.search(text):
        return _ADDRESS.sub(lambda found: f"{'***<' if found[1] else ''}{found[2]}{number_masked(found[3])}", text)
    return "*" * len(text) if len(text) < 5 else "*" * (len(text) - 2) + text[-2:]


def without_said(text: str, digits: str) -> str:
    """`text` without these digits one after the other and the same between any two: read out, or a recording each."""
    said = [digit for digit in digits if "0" <= digit <= "9"]
    if len(said) < SHOWN_DIGITS:
        return text
    pattern = f"{said[0]}(?P<between>.{{0,200}}?){said[1]}" + "".join(f"(?P=between){digit}" for digit in said[2:])
    return re.sub(pattern, lambda found: found["between"].join("*" * len(said)), text, flags=re.DOTALL)


def hidden_name(text: str) -> str:
    return "***"


def stars(text: str) -> str:
    return "*" * len(text)


def _long_digits(text: str) -> str:
    return stars(text) if len(text) >= SHOWN_DIGITS else text


def _digitless(text: str) -> str:
    return DIGITS.sub(lambda digits: stars(digits[0]), text)


def _unspoken(text: str) -> str:
    return _SPOKEN.sub(lambda digits: re.sub("[0-9]", "*", digits[0]), text)


def _told_apart(text: str) -> str:
    return f"***{text[-4:]}" if len(text) >= 16 else "***"


Masks = Mapping[Sensitivity, Callable[[str], str]]
_MASKS: Masks = {
    "number": number_masked, "name": hidden_name, "digits": _long_digits, "state": _digitless, "plain": str, "spoken": _unspoken,
    "token": _told_apart,
}  # fmt: skip
_SECRET: Masks = {**_MASKS, "digits": stars, "spoken": lambda text: re.sub("[0-9]", "*", text)}

# What stands for a call's own values where requests are compared: characters that neither XML nor JSON may hold.
# Somebody who sends them nevertheless reads masked values in their place.
MARKS: Mapping[Sensitivity, str] = {"number": "\x01\x02\x03", "name": "\x04", "digits": "\x05", "plain": "\x06", "state": "", "spoken": "", "token": ""}
MAY_BE_READ = "\x07"
MARK = re.compile("[\x01-\x06]")
MARK_ALONE = re.compile(r"""(?<=[>"'=])[\x01-\x06](?=[<"'&]|\Z)""")


def _but_for_marks(kind: Sensitivity, mask: Callable[[str], str]) -> Callable[[str], str]:
    """`mask`, which leaves the marks of its kind alone, and makes those of another be missed."""
    if kind == "plain":
        return lambda text: text.replace(MARKS["plain"], MAY_BE_READ)
    return lambda text: text if text in MARKS[kind] else MARK.sub("", mask(text))


# By whether digits are secret whatever their length, and whether marks stand in the text.
TABLES: Mapping[tuple[bool, bool], Masks] = {
    (secret, marked): {kind: _but_for_marks(kind, mask) if marked else mask for kind, mask in masks.items()}
    for secret, masks in ((False, _MASKS), (True, _SECRET)) for marked in (False, True)
}  # fmt: skip
