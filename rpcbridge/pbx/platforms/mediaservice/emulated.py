"""Mediaservice's side of a call: newCall, getIvrCommand and callEvent are questions, everything else is told. Pure.

A menu's rounds are the bridge's: the IVR plays phrases once, collects digits, and asks again. It cannot dial from
there: the bridge splits the connection over the API, and each participant's callEvent asks what becomes of it.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

from rpcbridge.codec import REST
from rpcbridge.domain.actions import Prompt
from rpcbridge.errors import Problem, ReplyError
from rpcbridge.pbx.asking import Asking, Command, Listen, Understood
from rpcbridge.pbx.platforms.mediaservice import state
from rpcbridge.pbx.platforms.mediaservice.behaviour import REASONS, Behaviour
from rpcbridge.pbx.platforms.mediaservice.callbacks import Bodies
from rpcbridge.pbx.platforms.mediaservice.decisions import Decision, decision_in
from rpcbridge.pbx.platforms.mediaservice.heard import language, steps
from rpcbridge.pbx.platforms.mediaservice.line import asked, told
from rpcbridge.pbx.platforms.mediaservice.replies import Command as IvrCommand
from rpcbridge.pbx.platforms.mediaservice.replies import command_in
from rpcbridge.pbx.platforms.mediaservice.state import Own, own
from rpcbridge.pbx.progress import Progress
from rpcbridge.pbx.reading import Reader
from rpcbridge.pbx.scene import Collect, Dial, End, Play, Scene, Silence, Speak, Step, Talk

_NOTHING = Scene(())
_LONGEST = 600  # seconds of silence that a page waits

# What a failed leg says: sipResponseCode, errorDescr, sipReason.
_BUSY = (486, "Busy Here", 'Q.850 ;cause=17 ;text="User busy"')
_NO_ANSWER = {
    "480": (480, "Temporarily Unavailable", 'Q.850 ;cause=18 ;text="No user responding"'),
    "408": (408, "Request Timeout", ""),
    "487": (487, "Request Terminated", ""),
}
_CANCELLED = (487, "Request cancelled", 'SIP ;cause=200 ;text="Call completed elsewhere"')


class Mediaservice:
    """A tenant's phone system. domain: "" where the tenant is unknown, and named nowhere. site: a base URL of its own for the
    API, as hybrid deployments have one.
    """

    name = "mediaservice"
    dialects: tuple[str, ...] = (REST,)
    repeats = False
    operations: tuple[str, ...] = (
        "splitconnection", "interruptivrcommand", "hangupparticipant", "hangupremoteparticipant", "startrecording", "stoprecording",
    )  # fmt: skip

    def __init__(self, behaviour: Behaviour | None = None, domain: str = "", site: str = "") -> None:
        self._behaviour = behaviour or Behaviour()
        self._bodies = Bodies(self._behaviour, domain, site)

    def read_own(self, given: Reader) -> Own:
        return state.read(given)

    def begun(self, call: Progress) -> Asking[Scene]:
        mine = own(call)
        if mine.outbound:  # placeivrcall is answered; now the person is rung
            mine.phase, mine.person_called, mine.connection = "placing", True, 1
            yield from told("callNotify", self._bodies.call_notify(call, of_person=True))
            return Scene((Dial(call.caller.called_number, mine.ring, None, caller_number=call.caller.caller_number),))
        decided = yield from self._decided(call, "newCall", self._bodies.new_call(call))
        return (yield from self._done(call, decided))

    def pressed(self, call: Progress, step: Collect | None) -> Asking[Scene]:
        if step is None:
            return (yield from self._command(call, {}))
        if not call.digits:
            silent = {"dtmfParams": {"dtmfMatch": "", **_said("reason", REASONS[self._behaviour.reasons][2])}}
            return (yield from self._command(call, silent if self._behaviour.silence == "empty_match" else {}))
        params = self._params(call.digits, step)
        own(call).buffer += call.digits
        buffer = {} if self._behaviour.buffer == "absent" else {"dtmfBuffer": own(call).buffer}
        if self._behaviour.buffer == "before_match" and len(call.digits) < step.size and "matchedTerminationKey" not in params:
            scene = yield from self._command(call, buffer, pressed=True)
            if any(isinstance(step, Dial | End | Speak) for step in scene.steps):
                return scene  # else the IVR goes on collecting, and finds that no more is pressed
        return (yield from self._command(call, {**buffer, "dtmfParams": params}, pressed=True))

    def dialled(self, call: Progress, step: Dial) -> Asking[Scene]:
        mine = own(call)
        placed = mine.phase == "placing"
        if call.outcome != "answered":
            code, descr, reason = _BUSY if call.outcome == "busy" else _NO_ANSWER[self._behaviour.no_answer]
            mine.recording = ""
            decided = yield from self._happened(call, "calledPartyFailure", of_person=placed, code=code, descr=descr, reason=reason)
            return (yield from self._done(call, decided, otherwise=End("disconnected")))
        mine.phase = "ivr" if placed else "connected"
        yield from told("callAnswered", self._bodies.call_answered(call))
        if placed:
            return (yield from self._command(call, {}))
        greeting = () if step.greeting is None else (Play(step.greeting),)
        return Scene((*greeting, Talk(step.target, None, step.record, last=False)))

    def talked(self, call: Progress, step: Talk) -> Asking[Scene]:
        decided = yield from self._happened(call, "calledPartyDrop", of_person=False)
        yield from self._recorded(call, "before_completed")
        if decided.action == "drop":
            own(call).phase, call.over = "over", True
            return _NOTHING
        return (yield from self._done(call, decided))

    def commanded(self, call: Progress, command: Command) -> Asking[Scene]:
        mine = own(call)
        match command.operation:
            case "splitconnection" if command.body.get("connectionId") == state.connection(call):
                return (yield from self._split(call))
            case "interruptivrcommand" if mine.phase == "ivr":
                call.waiting = None
                return (yield from self._command(call, {}))
            case "hangupparticipant" | "hangupremoteparticipant" if mine.phase in ("ivr", "connected"):
                is_person = command.body.get("participantId") == state.person(call)
                return (yield from self._cut_off(call, of_person=is_person is (command.operation == "hangupparticipant")))
            case "startrecording":
                mine.recording = str(command.body.get("recordingFileName", ""))
            case "stoprecording":
                yield from self._recorded(call)
        return _NOTHING

    def ended(self, call: Progress) -> Asking[tuple[bool, str]]:
        mine = own(call)
        if mine.phase in ("ivr", "connected", "dialing"):
            decided = yield from self._happened(call, _dropped(mine, of_person=True), of_person=True)
            if decided.action != "drop":
                raise ReplyError([Problem("action", f"expected drop, as nobody is left on the line, got {decided.action}")])
            if mine.phase == "dialing":
                mine.recording = ""
                if self._behaviour.gone == "leg_failed":
                    code, descr, reason = _CANCELLED
                    yield from self._happened(call, "calledPartyFailure", of_person=False, code=code, descr=descr, reason=reason)
        mine.phase = "over"
        if self._behaviour.recording != "after_completed":
            yield from self._recorded(call)
        if self._behaviour.completed == "lost":
            return True, "sessionCompleted is lost"
        well = yield from told("sessionCompleted", self._bodies.session_completed(call))
        yield from self._recorded(call)
        return well, "HTTP 200" if well else "no HTTP 200"

    def _decided(self, call: Progress, callback: str, fields: dict[str, Any]) -> Asking[Decision]:
        decided = yield from asked(call, callback, fields, partial(decision_in, callback), self._bodies)
        yield Understood(decided.action, decided.reply)
        return decided

    def _happened(self, call: Progress, event: str, *, of_person: bool, code: int = 0, descr: str = "", reason: str = "") -> Asking[Decision]:
        fields = self._bodies.call_event(call, event, of_person=of_person, code=code, descr=descr, reason=reason)
        return (yield from self._decided(call, "callEvent", fields))

    def _done(self, call: Progress, decided: Decision, before: tuple[Step, ...] = (), otherwise: Step | None = None) -> Asking[Scene]:
        """What the person hears of a decision; `otherwise`: what it is to be dropped."""
        mine = own(call)
        if decided.action == "drop":
            mine.phase = "over"
            return Scene((*before, otherwise or End("hangup", decided.cause)))
        mine.connection += 1
        mine.phase = "ivr" if decided.action == "ivr" else "dialing"
        if decided.action == "ivr":
            if self._behaviour.answered == "before_command":
                yield from told("callAnswered", self._bodies.call_answered(call))
            scene = yield from self._command(call, {})
            if self._behaviour.answered == "after_command":
                yield from told("callAnswered", self._bodies.call_answered(call))
            return Scene(before).then(scene)
        dial = decided.dial()
        mine.person_called, mine.recording, call.target = False, decided.recording, dial.target
        yield from told("callNotify", self._bodies.call_notify(call, of_person=False))
        return Scene((*before, dial))

    def _command(self, call: Progress, digits: dict[str, Any], *, pressed: bool = False) -> Asking[Scene]:
        """What the IVR plays and collects next."""
        mine = own(call)
        mine.commands += 1
        fields = self._bodies.get_ivr_command(call, digits)
        command = yield from asked(call, "getIvrCommand", fields, command_in, self._bodies)
        yield Understood("hangup" if command.hangup else "collect" if command.size else "play", command.shown)
        if command.flush:
            mine.buffer = ""
        playing = _digest(command)
        again = playing == mine.playing and not pressed and not command.flush
        mine.playing = playing
        heard, spoken = steps(command.phrases), language(command.phrases)
        if command.hangup:
            return Scene((), spoken).then((yield from self._ivr_left(call, heard)))
        if not command.size:
            return Scene((), spoken).then((yield from self._left_alone(call, heard, command, again=again)))
        by_itself = self._behaviour.round_ends == "command_after" and command.after is not None
        delay = command.after if by_itself and command.after is not None else command.first_timeout
        *before, prompt = heard if heard and isinstance(heard[-1], Play) else (*heard, Play(Prompt(name="")))
        assert isinstance(prompt, Play)
        collect = Collect("", prompt.prompt, command.size, 1, min(delay, _LONGEST), finish_key=command.finish_key, again=again)
        return Scene((*before, collect), spoken)

    def _left_alone(self, call: Progress, heard: tuple[Step, ...], command: IvrCommand, *, again: bool) -> Asking[Scene]:
        """Nothing is collected: the bridge tells something over the API meanwhile, or the IVR asks again."""
        after = min(command.after or 0, _LONGEST)
        scene = Scene(heard)
        for one in (yield Listen(after)).commands:
            scene = scene.then((yield from self.commanded(call, one)))
        if len(scene.steps) > len(heard):
            return scene
        if own(call).recording:
            return Scene((*heard, Speak(command.after, last=False)))
        if heard and isinstance(heard[-1], Play):
            return Scene((*heard[:-1], Collect("", heard[-1].prompt, 0, 1, after, again=again)))
        return Scene((*heard, Silence(after)))

    def _ivr_left(self, call: Progress, heard: tuple[Step, ...]) -> Asking[Scene]:
        """hangup:true. What follows is not documented: the end, or the question what becomes of the person."""
        if self._behaviour.hangup == "completed":
            own(call).phase = "over"
            return Scene((*heard, End("hangup")))
        decided = yield from self._happened(call, _dropped(own(call), of_person=False), of_person=False)
        return (yield from self._done(call, decided, heard))

    def _cut_off(self, call: Progress, *, of_person: bool) -> Asking[Scene]:
        """The bridge hung a participant up: what becomes of the other."""
        call.waiting = None
        decided = yield from self._happened(call, _dropped(own(call), of_person=of_person), of_person=of_person)
        yield from self._recorded(call, "before_completed")
        if of_person:
            own(call).phase = "over"
            return Scene((End("hangup"),))
        return (yield from self._done(call, decided))

    def _split(self, call: Progress) -> Asking[Scene]:
        """Each participant's callEvent asks what becomes of that one."""
        mine, persons = own(call), None
        call.waiting = None
        order = ["callerConnectionSplit", "calleeConnectionSplit"]
        for event in order if self._behaviour.split == "caller_first" else reversed(order):
            of_person = (event == "calleeConnectionSplit") is mine.person_called
            decided = yield from self._happened(call, event, of_person=of_person)
            if of_person:
                persons = decided
            elif decided.action != "drop":
                raise ReplyError([Problem("action", f"expected drop for the side that is not the person's, got {decided.action}")])
        assert persons is not None
        return (yield from self._done(call, persons))

    def _recorded(self, call: Progress, when: str = "") -> Asking[None]:
        """recordingReady, if something was recorded. `when`: only where the behaviour has it then."""
        mine = own(call)
        if mine.recording and not (when and self._behaviour.recording == "after_completed"):
            yield from told("recordingReady", self._bodies.recording_ready(call))
            mine.recording = ""

    def _params(self, digits: str, step: Collect) -> dict[str, Any]:
        """dtmfParams for what was pressed."""
        most, pause, _ = REASONS[self._behaviour.reasons]
        if step.finish_key and digits.endswith(step.finish_key):
            match = digits[:-1] or (step.finish_key if self._behaviour.key_alone == "key" else "")
            return {"dtmfMatch": match, "reason": "terminationKey", "matchedTerminationKey": step.finish_key}
        return {"dtmfMatch": digits, **_said("reason", most if len(digits) == step.size else pause)}


def _said(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


def _dropped(mine: Own, *, of_person: bool) -> str:
    """The event of a participant that left."""
    return "calledPartyDrop" if of_person is mine.person_called else "callingPartyDrop"


def _digest(command: IvrCommand) -> str:
    """Tells one command from another, whatever it flushes."""
    told_apart = (command.phrases, command.size, command.finish_key, command.after)
    return hashlib.sha256(json.dumps(told_apart, sort_keys=True).encode()).hexdigest()[:16]
