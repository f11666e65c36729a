"""[mediaservice]: the settings. What the vendor's document leaves open is a setting here, with a default that is safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpcbridge.platforms.mediaservice.section_outgoing import Outgoing
from rpcbridge.settings.table import credentials, networks, one_of, option, secret_segment, text, whole
from rpcbridge.settings.table import layers as layer_table


@dataclass(frozen=True, slots=True)
class Section(Outgoing):
    """[mediaservice]: who may post, how actions are carried out; and, of Outgoing, where the platform is reached."""

    secret: str = option(
        secret_segment, "", "Secret segment of the URL that callbacks are posted to: /mediaservice/<secret>/<callback>", secret=True
    )
    networks: tuple[str, ...] = option(networks, (), "Networks that may post, e.g. [\"192.0.2.0/24\"]; empty: any")
    credentials: str = option(credentials, "", "Basic credentials asked of who posts: USER:PASSWORD", secret=True)
    transfer: str = option(
        one_of("split", "hangup"), "split",
        "How a call leaves the IVR to be dialled: its connection is split by a request of ours, or the IVR hangs up (unverified)",
    )  # fmt: skip
    destination: str = option(
        text, "", "SIP URI of a dialled number, e.g. sip:{number}@trunk.example; default: sip:{number}@ and the domain"
    )
    language: str = option(text, "en-US", "Language of spoken text whose action names none")
    voice: str = option(text, "Joanna", "Voice (Amazon Polly's VoiceId) of spoken text whose prompt names none")
    tts_region: str = option(text, "eu-west-1", "AWS region that speaks text")
    digit_file: str = option(text, "", "Recording of one digit for say_digits, e.g. digits/{digit}; default: digits are spoken as text")
    url_format: str = option(text, "", "Name of the phrase format that plays a URL, if your tenant has one (undocumented); default: none")
    barge_in: str = option(one_of("all", "current", "off"), "all", "What a digit interrupts: all phrases, the current one, or nothing")
    first_timeout: int = option(whole(1, 600), 30, "Seconds the platform waits for a first digit")
    round_ends: str = option(
        one_of("getIVRCommandAfter", "firstTimeout"), "getIVRCommandAfter",
        "Which of the platform's two times ends a round in which nobody presses anything (unverified)",
    )  # fmt: skip
    max_fallbacks: int = option(whole(1, 20), 2, "Times in a row a caller hears a fallback's menu before the call is ended")
    max_silent_turns: int = option(whole(1, 1000), 10, "Questions in a row without a key pressed before the call is ended")
    layers: tuple[tuple[str, Mapping[str, Any]], ...] = option(
        layer_table, (), 'What go_to_layer does here, by layer: { "3" = { action = "menu", ... } }; default: it is refused'
    )
