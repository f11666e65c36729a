"""Actions -> what the IVR plays and collects (getIvrCommand's answer) and how a call is dialled or dropped (newCall's, callEvent's)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rpcbridge.domain.actions import AnyAction, Call, GoToLayer, Hangup, Menu, Prompt, Record, SayDigits, looked_up
from rpcbridge.errors import Repair
from rpcbridge.platforms.findings import Findings
from rpcbridge.platforms.mediaservice.section import Section
from rpcbridge.platforms.mediaservice.tables import drop_code
from rpcbridge.platforms.shapes import Options
from rpcbridge.schemas import actions

Members = dict[str, Any]
# It becomes part of a SIP URI or a header, where a line break would begin another one.
_DIALLABLE = re.compile("[!-~]{1,256}")
DIALLABLE = "expected a number or a SIP URI, in printable ASCII without blanks"
Written = tuple[Members, tuple[Repair, ...]]

LONGEST_RECORDING = 3600  # seconds, where a record action names no limit


class Phrases:
    """Writes actions in Mediaservice's words; knows the settings and the catalogue of prompts. Raises AnswerRejected."""

    def __init__(self, section: Section, options: Options) -> None:
        self._section = section
        self._options = options
        self._layers = {int(layer): actions.load(given).action for layer, given in section.layers}

    def meant(self, action: AnyAction) -> AnyAction:
        """`action`, or what stands for it here: a layer of another phone system's IVR is what the configuration says."""
        if isinstance(action, GoToLayer) and action.layer in self._layers:
            return self._layers[action.layer]
        return action

    def tried(self, given: Mapping[str, Any]) -> AnyAction:
        """The action that the configuration gives, if it can be done here."""
        action = actions.load(given).action
        if isinstance(action, Call):
            self.dialled(action, None)
        else:
            self.played(action)
        return action

    def played(self, action: AnyAction) -> Written:
        """What the IVR plays and collects, without the session's own members."""
        findings = Findings()
        members = self._played(self.meant(action), findings)
        return members, findings.judged(self._options.strict)

    def dialled(self, call: Call, called_number: str | None, *, greeted: bool = False) -> Written:
        """How `call` is dialled. greeted: its caller has heard `caller_prompt` already."""
        findings = Findings()
        members = self._dialled(call, called_number, greeted, findings)
        return members, findings.judged(self._options.strict)

    def destination(self, number: str) -> str:
        """The SIP URI of a number; one that is a URI already stays."""
        if number.startswith(("sip:", "sips:")):
            return number
        domain = self._section.domain
        template = self._section.destination or ("sip:{number}@" + domain if domain else "sip:{number}")
        return template.replace("{number}", number)

    def is_diallable(self, number: str) -> bool:
        """Whether a number can stand in a SIP URI."""
        return bool(_DIALLABLE.fullmatch(number))

    def before_transfer(self, call: Call, *, hangup: bool) -> Members:
        """What the IVR plays to a caller who is about to be dialled out of it."""
        findings = Findings()
        phrases = self._phrases((call.caller_prompt,), call.language, "caller_prompt", findings)
        findings.judged(False)
        return {"phrases": phrases, "hangup": True} if hangup else {"phrases": phrases, "hangup": False, "getIVRCommandAfter": 2}

    def _played(self, action: AnyAction, findings: Findings) -> Members:
        match action:
            case SayDigits():
                intro = self._phrases((action.intro_prompt,), action.language, "intro_prompt", findings)
                return self._menu(action, [*intro, *self._digits(action)], findings)
            case Menu():
                return self._menu(action, [], findings)
            case Hangup():
                return {"phrases": self._phrases((action.prompt,), action.language, "prompt", findings), "hangup": True}
            case Record():
                phrases = self._phrases((action.prompt,), action.language, "prompt", findings)
                return {"phrases": phrases, "hangup": False, "getIVRCommandAfter": action.max_duration or LONGEST_RECORDING}
            case Call():
                return self.before_transfer(action, hangup=False)
            case GoToLayer():
                findings.refuse("layer", f"mediaservice has no layers: say in mediaservice.layers what {action.layer} shall do")
                return {}

    def _menu(self, menu: Menu, before: list[Members], findings: Findings) -> Members:
        if menu.validate_digits:
            findings.lose("validate_digits", "mediaservice has no such field")
        members: Members = {}
        if menu.max_digits:
            members["dtmf"] = self._collected(menu)
            if self._section.barge_in != "off":
                members["bargeIn"] = self._section.barge_in
        members["phrases"] = [*before, *self._phrases((menu.prompt,), menu.language, "prompt", findings)]
        return members | {"hangup": False, "getIVRCommandAfter": _pause(menu)}

    def _collected(self, menu: Menu) -> Members:
        by_first = self._section.round_ends == "firstTimeout"
        dtmf: Members = {"flush": True, "maxDigits": menu.max_digits, "firstTimeout": _pause(menu) if by_first else self._section.first_timeout}
        if menu.digit_timeout is not None:
            dtmf["betweenTimeout"] = menu.digit_timeout
        if menu.finish_key is not None and menu.max_digits > 1:  # of one digit nothing is left to end
            dtmf["terminationKey"] = menu.finish_key
        return dtmf

    def _digits(self, action: SayDigits) -> list[Members]:
        said = [character for character in action.digits if "0" <= character <= "9"]
        if self._section.digit_file:
            return [_file(self._section.digit_file.replace("{digit}", digit)) for digit in said]
        return [self._spoken(Prompt(text=" ".join(said)), action.language)]  # apart, or a number is read instead of digits

    def _phrases(self, prompts: Iterable[Prompt | None], language: str | None, path: str, findings: Findings) -> list[Members]:
        return [phrase for prompt in prompts if prompt is not None for phrase in self._phrase(prompt, language, path, findings)]

    def _phrase(self, prompt: Prompt, language: str | None, path: str, findings: Findings) -> list[Members]:
        found = looked_up(prompt, self._options.catalogue, "mediaservice")
        if found.text is not None:
            return [self._spoken(found, language)]
        if found.url is not None:
            if self._section.url_format:
                return [{"format": self._section.url_format, "url": found.url}]
            hint = "upload it, and give the file's name; or set mediaservice.url_format if your tenant has such a format"
            findings.refuse(f"{path}.url", f"mediaservice documents no format for a url: {hint}")
            return []
        return [_file(found.name or found.file or "")]

    def _spoken(self, prompt: Prompt, language: str | None) -> Members:
        spoken = prompt.language or language or self._section.language
        parameters: Members = {"Text": prompt.text, "OutputFormat": "pcm", "VoiceId": prompt.voice or self._section.voice}
        if "-" in spoken:  # Polly knows languages of a country only; without one the voice's own is spoken
            parameters["LanguageCode"] = spoken
        return {"format": "awstts", "region": self._section.tts_region, "awsTTSParameters": parameters}

    def _dialled(self, call: Call, called_number: str | None, greeted: bool, findings: Findings) -> Members:
        if call.on_failure is not None:  # it is served when nobody can be asked for another
            failure = Findings()
            self._menu(call.on_failure, [], failure)
            findings.within("on_failure", failure)
        if call.send_digits is not None:
            findings.refuse("send_digits", "mediaservice cannot send digits to whom it dials")
        if len(call.dial_strings) > 1:
            findings.lose("dial_strings", "mediaservice dials one destination: the first entry")
        if call.hold_music is not None:
            findings.lose("hold_music", "mediaservice plays its own ringback tone")
        target = call.dial_strings[0] if call.dial_strings else call.target
        caller = call.caller_number if call.caller_number is not None else called_number
        for path, value in (("dial_strings" if call.dial_strings else "target", target), ("caller_number", caller or "0")):
            if not _DIALLABLE.fullmatch(value):
                findings.refuse(path, DIALLABLE)
        if not call.caller_name.isprintable():
            findings.refuse("caller_name", "expected one line without control characters: it becomes a SIP header")
        members: Members = {"action": "call", "destAddr": self.destination(target), "maxRingTime": call.ring_timeout}
        if caller:
            members["sipFrom"] = caller
        if call.caller_name:
            members["displayName"] = call.caller_name
        greeting = self._greeting(call, greeted, findings)
        return members | ({"greeting": greeting} if greeting else {})

    def _greeting(self, call: Call, greeted: bool, findings: Findings) -> Members:
        if call.caller_prompt is not None and not greeted:
            findings.lose("caller_prompt", "mediaservice plays it when the target has answered, not before")
        heard = {"caller": None if greeted else call.caller_prompt, "callee": call.target_prompt}
        sides: Mapping[str, Any] = {
            side: {"phrases": self._phrases((prompt,), call.language, {"caller": "caller_prompt", "callee": "target_prompt"}[side], findings)}
            for side, prompt in heard.items() if prompt is not None
        }  # fmt: skip
        return {"playMode": "calleeFirst", **sides} if sides else {}


def drop(cause: int | None) -> Members:
    """How a call is ended before anything was played."""
    return {"action": "drop", "dropCode": drop_code(cause)}


def _pause(menu: Menu) -> int:
    return max(1, menu.loop_delay)


def _file(name: str) -> Members:
    return {"format": "file", "fileName": name}
