"""The operations of Mediaservice's REST API: path, method, and every field of the vendor's document. Pure.

The document marks fields as required for /move alone. Required here is also what an operation acts upon (a call's
`replyId`, whom to ring): without it the platform could only fail, and would not say which field it missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

from marshmallow import ValidationError, fields

from rpcbridge.errors import Problem, shown
from rpcbridge.platforms.mediaservice.arguments import Address, Group, Headers, Line, Number, Parameters, Records, Word
from rpcbridge.platforms.operations import NoSuchOperation, Takes, UnusableRequest, WrongMethod
from rpcbridge.schemas.fields import AnswerSchema, Flag, Whole, problems_of

Known = Mapping[str, fields.Field[Any]]

FILE = "{filename}"
_DAY = 86_400

_SIP = (r"sips?:[^\s<>\"]+", 'a SIP URI such as "sip:0501234567@trunk.example"')


def _id(**options: Any) -> Line:
    return Line(expected="an id as a callback gave it", **options)


_REPLY: Known = {"replyId": _id(required=True)}
_CONNECTION = {**_REPLY, "connectionId": _id(required=True)}
_PARTICIPANT = {**_REPLY, "participantId": _id(required=True)}
_SESSION = {"sessionId": _id()}

_CRYPTO: Known = {"suite": Line(required=True), "id": Whole(0, 999_999_999, required=True), "config": Line(required=True)}  # RFC 4568: a tag of 9 digits
_MEDIA: Known = {
    "sessionReferenceId": Line(empty=True), "telephoneEventPayloadType": Whole(0, 127), "receivePort": Whole(1, 65_535),
    "receiveIp": Address(), "crypto": Records(_CRYPTO, most=20),
}  # fmt: skip
_ANSWER = {**_REPLY, **_MEDIA, "codec": Word("PCMA", "PCMU")}
_PLACE = {
    **_MEDIA, "codec": Word("PCMA", "PCMU", "GSM"), "destinationUri": Line(*_SIP, required=True), "sourceUser": Line(),
    "callbackBaseUrl": Line(r"https?://[^\s<>\"]+", 'a URL such as "https://ivr.example.com/callbacks"'),
}  # fmt: skip
_IVR_CALL: Known = {
    "destAddr": Line(*_SIP, required=True), "sipFrom": Line(), "displayName": Line(empty=True), "callerPrivacy": Flag(),
    "maxRingTime": Number(0, _DAY), "sessionReferenceId": Group(), "mediaserviceId": Line(), "sipDiversion": Line(),
    "sipDiversionParameters": Parameters(), "xHeaders": Headers("x-"), "pHeaders": Headers("p-"),
    "contactParameters": Parameters(), "contactUserParameters": Parameters(),
}  # fmt: skip
_MOVE: Known = {
    "bucketRegion": Line(required=True), "bucketName": Line(required=True), "type": Word("s3", required=True),
    "kmsKey": Line(), "objectKey": Line(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. `path` follows `/{domain}/`; `schema` is that of the body, of the query where there is none.

    `gives` is what a 2xx holds; `sent_as` the path that is sent, where it differs.
    """

    path: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    schema: AnswerSchema
    takes: Takes = "json"
    gives: Literal["json", "file"] = "json"
    sent_as: str = ""

    def load(self, given: object) -> dict[str, Any]:
        """The fields as they are sent. Raises UnusableRequest with every problem."""
        try:
            read: dict[str, Any] = self.schema.load(given)
        except ValidationError as error:
            raise UnusableRequest(_named(problem) for problem in problems_of(error)) from None
        return read

    def target(self, filename: str = "") -> str:
        """The path that is sent, encoded."""
        return (self.sent_as or self.path).replace(FILE, quote(filename, safe=""))


def _named(problem: Problem) -> Problem:
    return problem if problem.path else Problem("body", problem.message)


def _schema(**known: fields.Field[Any]) -> AnswerSchema:
    made = AnswerSchema.from_dict(known)()
    assert isinstance(made, AnswerSchema)
    return made


def _post(path: str, known: Known, sent_as: str = "") -> Endpoint:
    return Endpoint(path, "POST", _schema(**known), sent_as=sent_as)


def _remote(path: str, known: Known) -> dict[str, Endpoint]:
    """An operation of the Cloud SIP user agent. The plain one wants AWS credentials, its twin the token that the others want."""
    return {name: _post(name, known, sent_as=f"{path}jwt") for name in (path, f"{path}jwt")}


_PROMPT = f"promptfile/{FILE}"

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({
    "placeivrcall": _post("placeivrcall", _IVR_CALL),
    "hangupparticipant": _post("hangupparticipant", {**_PARTICIPANT, **_SESSION}),
    "hangupremoteparticipant": _post("hangupremoteparticipant", _PARTICIPANT),
    "interruptivrcommand": _post("interruptivrcommand", {**_REPLY, **_SESSION}),
    "splitconnection": _post("splitconnection", _CONNECTION),
    "startrecording": _post("startrecording", {**_CONNECTION, "recordingFileName": Line()}),
    "stoprecording": _post("stoprecording", _CONNECTION),
    **_remote("answerremotecall", _ANSWER),
    **_remote("placeremotecall", _PLACE),
    **_remote("sendremotecallringback", _REPLY),
    **_remote("hangupcall", _REPLY),
    "promptfile": Endpoint("promptfile", "GET", _schema(next=Line()), takes="nothing"),
    "promptfile.upload": Endpoint(_PROMPT, "PUT", _schema(), takes="file"),
    "promptfile.download": Endpoint(_PROMPT, "GET", _schema(), takes="nothing", gives="file"),  # in some versions of the document
    "promptfile.delete": Endpoint(_PROMPT, "DELETE", _schema(), takes="nothing"),
    "promptfile.move": _post(f"{_PROMPT}/move", _MOVE),
    "promptfile.url": Endpoint(f"{_PROMPT}/url", "GET", _schema(), takes="nothing"),
})  # fmt: skip


def found(method: str, segments: Sequence[str]) -> tuple[str, str]:
    """Which operation, and the file it is about ("" for none). Raises NoSuchOperation, WrongMethod, or UnusableRequest for the name."""
    here = {endpoint.method: (name, file) for name, endpoint in ENDPOINTS.items() if (file := _matched(endpoint.path, segments)) is not None}
    if not here:
        raise NoSuchOperation(f"no operation there; known: {', '.join(dict.fromkeys(e.path for e in ENDPOINTS.values()))}")
    if method not in here:
        raise WrongMethod(here)
    name, file = here[method]
    return name, checked(file) if FILE in ENDPOINTS[name].path else ""


def checked(filename: str) -> str:
    """A prompt file's name, that cannot lead elsewhere: `..` survives percent-encoding. Raises UnusableRequest."""
    odd = any(character in "/\\" or not character.isprintable() for character in filename)
    if filename in ("", ".", "..") or odd or len(filename.encode("utf-8", "replace")) > 255:
        message = f"expected a file's name of at most 255 bytes, without / and \\ and no . or .. alone, got {shown(filename)}"
        raise UnusableRequest([Problem("filename", message)])
    return filename


def _matched(path: str, segments: Sequence[str]) -> str | None:
    """The file's name in `segments` ("" where the path has none), None where they are another path."""
    wanted = path.split("/")
    if len(wanted) != len(segments) or any(want not in (FILE, given) for want, given in zip(wanted, segments, strict=True)):
        return None
    return next((given for want, given in zip(wanted, segments, strict=True) if want == FILE), "")
