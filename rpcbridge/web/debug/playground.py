"""`rpcbridge translate` as a page: two texts in, every station and every finding out. Keeps nothing, sends nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from rpcbridge.codec import DIALECTS, laid_out
from rpcbridge.platforms import discovered
from rpcbridge.translation import Finding, Reply, Translation, Translator, as_object, notes, recognized
from rpcbridge.translation.samples import ANSWERS
from rpcbridge.web.debug.page import Debug, shown

_NAMES = {"": "the text", "request": "the request", "answer": "the answer"}
_BY_SHAPE = "its shape tells"
_DECLARED = re.compile(r"""\A\s*<\?xml\s[^<>]*?encoding\s*=\s*["']([\w.:-]{1,40})["']""", re.ASCII)

# What the phone system gets when something cannot be used.
_HAPPENS = {
    "fallback": "the caller hears the fallback instead", "refused": "the phone system gets a fault",
    "not_stored": "the phone system is told that the event was not stored",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Given:
    """The form as it was filled in."""

    text: str = ""
    answer: str = ""
    reading: str = ""  # `request`, `answer`, or "" where its shape tells
    platform: str = ""
    called_number: str = ""
    dialect: str = ""
    callback: str = ""  # "" where the fields tell


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The page, empty or with a sample in it, and what it sends."""
    samples = [
        (name, sample.title, sample.text, sample.method) for name in debug.translators for sample in getattr(discovered()[name], "SAMPLES", ())
    ]
    samples += [("", title, text, "") for title, text in ANSWERS.items()]
    callbacks = {name: [*one.platform.methods] for name, one in debug.translators.items() if one.platform.methods_in_path}
    first = next(iter(debug.translators), "")

    def page(given: _Given, content: Mapping[str, Any], result: Mapping[str, Any] | None = None) -> Response:
        return shown(
            200, content, "playground.html", given=given, result=result, samples=[title for _, title, _, _ in samples],
            platforms=list(debug.translators), dialects=list(DIALECTS), by_shape=_BY_SHAPE, callbacks=callbacks,
        )  # fmt: skip

    @blueprint.route("/playground", methods=["GET", "POST"])
    def playground() -> Response:
        if request.method == "POST":
            return translated(_given(first))
        chosen = request.args.get("sample", default=-1, type=int)
        name, _, text, callback = samples[chosen] if 0 <= chosen < len(samples) else ("", "", "", "")
        offered = [
            {"platform": name or None, "title": title, "text": text} | ({"callback": method} if method else {}) for name, title, text, method in samples
        ]
        return page(_Given(text, platform=name or first, callback=callback), {"samples": offered})

    def translated(given: _Given) -> Response:
        translator = debug.translators.get(given.platform)
        if translator is None:
            return shown(400, {"error": "unknown platform"}, "error.html", title="Unknown platform", detail="Choose one that the page offers.")
        found, more = _translated(given, translator)
        return page(given, as_object(found, _NAMES, more), _result(found, given, translator, more))


def _given(platform: str) -> _Given:
    form = request.form
    return _Given(
        _lines(form.get("text", "")), _lines(form.get("answer", "")), form.get("as", ""), form.get("platform") or platform,
        form.get("called_number", "").strip(), form.get("dialect", ""), form.get("callback", ""),
    )  # fmt: skip


def _lines(text: str) -> str:
    """A form's line ends are CR LF, whatever they were."""
    return text.replace("\r\n", "\n")


def _bytes(text: str) -> bytes:
    """The bytes that `text` was: in the encoding that it declares, if it fits it."""
    declared = _DECLARED.match(text)
    try:
        return text.encode(declared[1] if declared else "utf-8")
    except (LookupError, UnicodeError):
        return text.encode("utf-8", "replace")


def _translated(given: _Given, translator: Translator) -> tuple[Translation, list[str]]:
    """What the texts become, and what else there is to say."""
    text, answer = _bytes(given.text), _bytes(given.answer) if given.answer.strip() else None
    reading = given.reading or ("request" if answer is not None else recognized(text, translator.platform))
    if reading == "request":
        found, more = translator.exchange(text, answer, given.callback if given.callback in translator.platform.methods else ""), []
        if found.backend_request is not None and not found.outcome:
            more = ["the reply depends on your backend's answer: put it into the second field"]
    elif reading == "answer":
        found = translator.answer(text, given.called_number or None, _dialects(given, translator))
        more = ["the second text is not read: the first one is an answer itself"] if answer is not None else []
    else:
        found, more = translator.neither(text, "above"), []
    return found, [*notes(found, translator, given.called_number or None), *more]


def _dialects(given: _Given, translator: Translator) -> Sequence[str]:
    spoken = translator.platform.dialects
    return [given.dialect] if given.dialect in spoken else list(spoken)


def _result(found: Translation, given: _Given, translator: Translator, more: Sequence[str]) -> dict[str, Any]:
    """What the page shows of it."""
    return {
        "found": found, "happens": _HAPPENS.get(found.outcome, ""), "stations": _stations(found),
        "replies": [_reply(reply) for reply in found.replies], "others": [_reply(reply) for reply in _in_others(found, given, translator)],
        "problems": [_place(one) for one in found.problems], "repairs": [_place(one) for one in found.repairs],
        "notes": [*(f"{_NAMES[one.text]}{f', line {one.line}' if one.line else ''}: {one.message}" for one in found.remarks), *more],
    }  # fmt: skip


def _stations(found: Translation) -> list[dict[str, Any]]:
    """Title, line, headers and text of what there is."""
    stations: list[dict[str, Any]] = []
    if found.request is not None:
        params = found.request.params
        stations.append({"title": "The call, as it was read", "text": _json(params[0] if len(params) == 1 else params)})
    if found.event is not None:
        stations.append({"title": "Event", "text": _json(found.event)})
    if (sent := found.backend_request) is not None:
        text = laid_out((sent.body or b"").decode())
        stations.append({"title": "Your backend is asked", "line": f"{sent.method} {sent.url}", "headers": sent.headers, "text": text})
    if found.answer is not None:
        stations.append({"title": "Its answer, with the defaults", "text": _json(found.answer)})
    return stations


def _in_others(found: Translation, given: _Given, translator: Translator) -> tuple[Reply, ...]:
    """The same answer's reply in the dialects that its request was not in."""
    if found.request is None or found.outcome != "answered":
        return ()
    others = [dialect for dialect in translator.platform.dialects if dialect != found.request.dialect]
    return translator.answer(_bytes(given.answer), found.request.called_number, others).replies


def _reply(reply: Reply) -> dict[str, str]:
    return {"dialect": reply.dialect, "content_type": reply.content_type, "text": laid_out(reply.body.decode()), "about": reply.about}


def _place(finding: Finding) -> dict[str, str]:
    """Where and what, as a row of a table."""
    line = ":".join(str(number) for number in (finding.line, finding.column) if number is not None)
    return {
        "where": f"{_NAMES[finding.text]}{f', line {line}' if line else ''}", "path": finding.path, "message": finding.message,
        "kind": finding.kind,
    }  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
