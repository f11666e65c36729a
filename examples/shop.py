"""The backend of a shop's telephone line: orders, a person, a message. Copy it and change it.

POST /ivr/action   a caller waits: JSON says what was pressed in which menu; the answer is one action.
POST /ivr/events   something happened and nobody waits: log it, answer 204.

No call state is kept. A menu's name comes back with the caller's digits, so the name carries all
that must be remembered: "main_he" is the main menu of a caller who chose Hebrew.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

Action = dict[str, Any]

PICKUP_CODES = {"1234": "0547", "5678": "0312"}  # order number -> a pickup code, a queue number
PERSON = "0501234567"

app = Flask(__name__)
app.logger.setLevel(logging.INFO)


# What the caller hears: each function makes one action. Prompts are names of recordings.

def ask_language() -> Action:
    return {"action": "menu", "menu": "language", "prompt": "welcome",
            "max_digits": 1, "loops": 2, "language": "he"}

def main_menu(lang: str, prompt: str = "main_menu") -> Action:
    return {"action": "menu", "menu": f"main_{lang}", "prompt": f"{prompt}_{lang}",
            "max_digits": 1, "loops": 2, "language": lang}

def last_chance(lang: str) -> Action:
    """The main menu once more, under another name: silence here ends the call, so none goes on for ever."""
    return {**main_menu(lang), "menu": f"last_chance_{lang}", "loops": 1}

def ask_order(lang: str, prompt: str = "order_number") -> Action:
    return {"action": "menu", "menu": f"order_{lang}", "prompt": f"{prompt}_{lang}",
            "max_digits": 4, "loops": 3, "loop_delay": 3, "language": lang}

def say_code(code: str, lang: str) -> Action:
    return {"action": "say_digits", "digits": code, "intro_prompt": f"your_code_{lang}",
            "menu": f"after_order_{lang}", "prompt": f"anything_else_{lang}", "max_digits": 1, "language": lang}

def call_person(lang: str) -> Action:
    """Rings for 20 seconds; `on_failure` is the menu of a caller whom nobody answered."""
    nobody = {"menu": f"nobody_{lang}", "prompt": f"nobody_answers_{lang}", "max_digits": 1}
    return {"action": "call", "target": PERSON, "caller_prompt": f"connecting_{lang}",
            "ring_timeout": 20, "on_failure": nobody, "language": lang}

def take_message(lang: str) -> Action:
    return {"action": "record", "prompt": "leave_message", "max_duration": 120, "language": lang}

def goodbye(lang: str) -> Action:
    return {"action": "hangup", "prompt": "goodbye", "cause": 16, "language": lang}


# What happens next: one function per menu takes the digits ("" = nothing pressed) and the language.

def after_language(digits: str, lang: str) -> Action:
    if not digits:
        return last_chance(lang)
    return {"1": main_menu("he"), "2": main_menu("en")}.get(digits) or ask_language()

def after_main(digits: str, lang: str) -> Action:
    if not digits:
        return last_chance(lang)
    choices = {"1": ask_order, "2": call_person, "3": take_message, "9": goodbye}
    return choices[digits](lang) if digits in choices else main_menu(lang, "wrong_choice")

def after_last_chance(digits: str, lang: str) -> Action:
    return after_main(digits, lang) if digits else goodbye(lang)

def after_order_number(digits: str, lang: str) -> Action:
    if not digits:
        return goodbye(lang)
    code = PICKUP_CODES.get(digits)
    return say_code(code, lang) if code else ask_order(lang, "order_unknown")

def after_code(digits: str, lang: str) -> Action:
    return main_menu(lang) if digits == "1" else goodbye(lang)

def after_nobody(digits: str, lang: str) -> Action:
    return take_message(lang) if digits == "1" else goodbye(lang)

MENUS: dict[str, Callable[[str, str], Action]] = {
    "language": after_language,
    "main": after_main,
    "last_chance": after_last_chance,
    "order": after_order_number,
    "after_order": after_code,
    "nobody": after_nobody,
}


def next_action(event: dict[str, Any]) -> Action:
    """The answer to one `action_requested` event."""
    menu = event.get("menu") or ""
    name, lang = (menu[:-3], menu[-2:]) if menu.endswith(("_he", "_en")) else (menu, "he")
    if event.get("reason") == "call_started" or name not in MENUS:
        return ask_language()
    return MENUS[name](event.get("digits", ""), lang)


@app.post("/ivr/action")
def action() -> Response:
    return jsonify(next_action(request.get_json()))

@app.post("/ivr/events")
def events() -> tuple[str, int]:
    event = request.get_json()
    fields = ("call_id", "call_status", "duration")  # telephone numbers stay out of the log
    app.logger.info("%s %s", event.get("event"), " ".join(f"{field}={event.get(field, '-')}" for field in fields))
    return "", 204

@app.get("/")
def about() -> Response:
    return Response("The shop's telephone backend: POST /ivr/action, POST /ivr/events\n", mimetype="text/plain")


class QuietHandler(WSGIRequestHandler):
    """HTTP/1.1 replies and no access log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="The backend of a shop's telephone line")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    given = parser.parse_args()
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: sys.exit(0))
    server = make_server(given.host, given.port, app, threaded=True, request_handler=QuietHandler)
    print(f"The shop's backend listens on http://{given.host}:{server.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
