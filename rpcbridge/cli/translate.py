"""`rpcbridge translate`: what a request or an answer becomes. Reads and prints; sends nothing and keeps nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from rpcbridge.cli import translated
from rpcbridge.cli.configuration import USAGE, checked, config_option
from rpcbridge.codec import DIALECTS
from rpcbridge.errors import ConfigurationError
from rpcbridge.plan import Plan, configured
from rpcbridge.platforms import Platform, discovered
from rpcbridge.translation import Translation, Translator, as_object, located, notes, recognized
from rpcbridge.transport import MAX_REPLY

_PLACEHOLDER = "http://backend.example"
_PLATFORMS = list(discovered())


@click.command(short_help="Show what a request or an answer becomes; nothing is sent.")
@click.argument("given", metavar="[FILE|-]", type=click.File("rb"), required=False)
@click.option("--answer", type=click.File("rb"), metavar="FILE", help="The backend's answer to the request: shows the whole exchange.")
@click.option("--as", "reading", type=click.Choice(["request", "answer"]), help="What FILE is, where its shape does not tell.")
@click.option("--did", metavar="NUMBER", help="The number that was called, for an answer alone.")
@click.option("--dialect", type=click.Choice(list(DIALECTS)), help="The reply in this dialect only, for an answer alone.")
@click.option("--platform", type=click.Choice(_PLATFORMS), default=_PLATFORMS[0], show_default=True, help="The phone system.")
@click.option("--callback", default="", metavar="NAME", help="Which of its callbacks FILE is, where a phone system says so in the URL and the fields do not tell.")
@click.option("--raw", is_flag=True, help="Write the reply's exact bytes, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
@click.pass_context
def translate(
    context: click.Context, given: IO[bytes] | None, answer: IO[bytes] | None, reading: str | None, did: str | None,
    dialect: str | None, platform: str, callback: str, raw: bool, as_json: bool, file: Path | None,
) -> None:  # fmt: skip
    """Show what a phone system's request or a backend's answer becomes. Nothing is sent.

    FILE is a request (XML-RPC or JSON) or an answer (JSON); without one, or with `-`, standard
    input is read. Where no backend is configured, http://backend.example stands for yours.

    \b
    rpcbridge translate request.xml                        the event and the REST call
    rpcbridge translate answer.json                        the reply in every dialect
    rpcbridge translate request.xml --answer answer.json   the whole exchange
    rpcbridge translate answer.json --dialect json --raw   the reply's bytes
    rpcbridge translate new_call.json --platform mediaservice --callback newCall
    """
    if raw and as_json:
        raise click.UsageError("--raw and --json exclude each other.")
    if given is None and (sys.stdin is None or sys.stdin.isatty()):
        click.echo(context.get_help(), err=True)
        sys.exit(USAGE)
    given = given or sys.stdin.buffer
    plan = _plan(file, as_json)
    translator = _translator(plan, platform)
    _refuse_unspoken(translator.platform, callback, dialect)
    texts = _read(given, answer, plan)
    what = reading or ("request" if answer or callback else recognized(texts[0], translator.platform))
    _refuse_contradictions(what, answer=answer is not None, did=did is not None, dialect=dialect is not None)
    if what == "request":
        found = translator.exchange(texts[0], texts[1] if answer else None, callback)
    elif what == "answer":
        found = translator.answer(texts[0], did, [dialect] if dialect else translator.platform.dialects)
    else:
        found = translator.neither(texts[0], "with --as request or --as answer")
    names = {"": _name(given), what: _name(given), "answer": _name(answer or given)}
    _write(found, names, list(_notes(found, translator, did)), raw=raw, as_json=as_json)
    sys.exit(1 if found.problems else 0)


def _plan(file: Path | None, as_json: bool) -> Plan:
    """The configuration in force; a placeholder where it names no backend, which is its only fault that does no harm here."""
    try:
        return configured(file)
    except ConfigurationError as error:
        missing = any(problem.path == "backend.url" and not problem.source for problem in error.problems)
        return checked(file, {"backend.url": _PLACEHOLDER} if missing else None, as_json=as_json)


def _translator(plan: Plan, platform: str) -> Translator:
    settings = plan.settings
    has_fallback = bool(settings.fallback)
    return Translator(plan.platforms[platform], plan.routes, settings.backend, settings.server.max_body, has_fallback)


def _read(given: IO[bytes], answer: IO[bytes] | None, plan: Plan) -> list[bytes]:
    """The texts, each a byte longer than any that is read where it is too long."""
    if answer is not None and _name(answer) == _name(given) == "stdin":
        raise click.UsageError("FILE and --answer cannot both be standard input.")
    most = max(plan.settings.server.max_body, MAX_REPLY) + 1
    return [text.read(most) for text in (given, answer) if text is not None]


def _refuse_contradictions(what: str, *, answer: bool, did: bool, dialect: bool) -> None:
    if answer and what == "answer":
        raise click.UsageError("--answer goes with a request, and --as says that FILE is an answer itself.")
    if what == "request" and (did or dialect):
        option = "--did" if did else "--dialect"
        raise click.UsageError(f"{option} goes with an answer alone: a request says its own number, and is replied to in its own dialect.")


def _refuse_unspoken(platform: Platform, callback: str, dialect: str | None) -> None:
    if callback and not platform.methods_in_path:
        raise click.UsageError(f"--callback: a request of {platform.name} names its method itself.")
    if callback and callback not in platform.methods:
        raise click.UsageError(f"--callback: {platform.name} has no {callback}, but {', '.join(platform.methods)}.")
    if dialect and dialect not in platform.dialects:
        raise click.UsageError(f"--dialect: {platform.name} speaks {', '.join(platform.dialects)}.")


def _name(text: IO[bytes]) -> str:
    name = getattr(text, "name", None)
    return name if isinstance(name, str) and name != "<stdin>" else "stdin"


def _notes(found: Translation, translator: Translator, did: str | None) -> Iterator[str]:
    sent = found.backend_request
    if sent is not None and sent.url.startswith(_PLACEHOLDER):
        yield f"no backend.url is configured: {_PLACEHOLDER} stands for it"
    yield from notes(found, translator, did)


def _write(found: Translation, names: dict[str, str], remarks: list[str], *, raw: bool, as_json: bool) -> None:
    if raw:
        _write_raw(found, names)
    elif as_json:
        click.echo(json.dumps(as_object(found, names, remarks), indent=2, ensure_ascii=False))
    else:
        translated.show(found, names, remarks)


def _write_raw(found: Translation, names: dict[str, str]) -> None:
    if len({reply.dialect for reply in found.replies}) > 1:
        raise click.UsageError(f"--raw writes one reply; choose its dialect: --dialect {' or '.join(DIALECTS)}.")
    if not found.replies and not found.problems:
        raise click.UsageError("--raw writes a reply; this question has none without --answer.")
    for problem in found.problems:
        click.echo(located(problem, names), err=True)
    for reply in found.replies[:1]:
        sys.stdout.buffer.write(reply.body)
