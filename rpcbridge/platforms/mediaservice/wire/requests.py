"""The shapes of what Mediaservice posts: one schema for each callback, every field of the vendor's document.

Nothing is required: a field that is missing costs what it would have told, never the answer that a
caller waits for. A word of a list is any text, since the platform may learn new ones. What one
callback says with its fields, and which it lacks, stands below its name.
"""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import fields

from rpcbridge.platforms.mediaservice.wire.fields import Count, Kept, Names, Reference
from rpcbridge.schemas.fields import Flag, GivenSchema, Text


class _Sited(GivenSchema):
    """In hybrid deployments: where the callback comes from, and where further calls of its session must go."""

    site_id = Text(empty=True, data_key="siteId")
    site_base_url = Text(empty=True, data_key="siteBaseUrl")


class NewCall(_Sited):
    """newCall: what becomes of this call? It names no tenant, and carries no sessionReferenceId yet."""

    session_id = Text(empty=True, data_key="sessionId")
    sip_call_id = Text(empty=True, data_key="sipCallId")
    ivr_server = Text(empty=True, data_key="ivrServer")
    calling_party_privacy = Text(empty=True, data_key="callingPartyPrivacy")  # "public" or "secret"
    calling_party = Text(empty=True, data_key="callingParty")  # of P-Asserted-Identity, else From
    display_name = Text(empty=True, data_key="displayName")
    from_user = Text(empty=True, data_key="fromUser")  # the caller's device sets it: not to be trusted
    x_headers = Kept(data_key="xHeaders")  # values are texts, or arrays of them
    p_headers = Kept(data_key="pHeaders")
    copy_headers = Names(data_key="copyHeaders")
    called_party = Text(empty=True, data_key="calledParty")
    diversion_headers = Text(empty=True, data_key="diversionHeaders")
    referred_by = Text(empty=True, data_key="referredBy")
    pai_number = Text(empty=True, data_key="paiNumber")
    subject = Text(empty=True, data_key="subject")
    src_addr = Text(empty=True, data_key="srcAddr")


class DtmfParams(GivenSchema):
    """dtmfParams: what the caller pressed, and why the platform took it as complete. The document has it from a sample alone."""

    dtmf_match = Text(empty=True, data_key="dtmfMatch")
    reason = Text(empty=True)  # "terminationKey"; the other words are lost
    matched_termination_key = Text(empty=True, data_key="matchedTerminationKey")
    encryption = Kept()


class GetIvrCommand(_Sited):
    """getIvrCommand: what does the caller hear next? It says neither who calls nor who was called."""

    session_id = Text(empty=True, data_key="sessionId")
    session_reference_id = Reference(data_key="sessionReferenceId")
    ivr_server = Text(empty=True, data_key="ivrServer")
    dtmf_buffer = Text(empty=True, data_key="dtmfBuffer")  # digits since the last flush, hashed if the last answer asked for it
    dtmf_params = fields.Nested(DtmfParams, data_key="dtmfParams")
    reply_id = Text(empty=True, data_key="replyId")


class CallEvent(_Sited):
    """callEvent: a party left, could not be reached, or was split off; what becomes of the one it speaks of?"""

    connection_id = Text(empty=True, data_key="connectionId")
    domain = Text(empty=True)
    event = Text(empty=True)
    ivr_server = Text(empty=True, data_key="ivrServer")
    participant_id = Text(empty=True, data_key="participantId")
    remote_participant_id = Text(empty=True, data_key="remoteParticipantId")
    remote_user = Text(empty=True, data_key="remoteUser")
    session_id = Text(empty=True, data_key="sessionId")
    user = Text(empty=True)
    session_reference_id = Reference(data_key="sessionReferenceId")
    sip_response_code = Count(data_key="sipResponseCode")
    error_descr = Text(empty=True, data_key="errorDescr")
    sip_reason = Text(empty=True, data_key="sipReason")


class CallAnswered(_Sited):
    """callAnswered: two participants are connected. It has no sessionId: sessionReferenceId alone says of which call."""

    calling_party_number = Text(empty=True, data_key="callingPartyNumber")
    caller_participant_id = Text(empty=True, data_key="callerParticipantId")
    callee_participant_id = Text(empty=True, data_key="calleeParticipantId")
    remote_party_number = Text(empty=True, data_key="remotePartyNumber")
    connection_id = Text(empty=True, data_key="connectionId")
    calling_party_expires = Count(data_key="callingPartyExpires")
    called_party_expires = Count(data_key="calledPartyExpires")
    codec = Text(empty=True)
    monitoring_participant = Flag(data_key="monitoringParticipant")
    remote_rtp_ip = Text(empty=True, data_key="remoteRtpIp")
    remote_rtp_port = Text(empty=True, data_key="remoteRtpPort")
    reply_id = Text(empty=True, data_key="replyId")
    session_reference_id = Reference(data_key="sessionReferenceId")
    trace_id = Text(empty=True, data_key="traceId")
    http_transaction_id = Text(empty=True, data_key="httpTransactionId")


class CallNotify(_Sited):
    """callNotify: a leg rings, or its media changed."""

    event = Text(empty=True)
    monitoring_participant = Flag(data_key="monitoringParticipant")
    participant_id = Text(empty=True, data_key="participantId")
    session_id = Text(empty=True, data_key="sessionId")
    session_reference_id = Reference(data_key="sessionReferenceId")
    user = Text(empty=True)
    remote_user = Text(empty=True, data_key="remoteUser")
    remote_participant_id = Text(empty=True, data_key="remoteParticipantId")
    sip_call_id = Text(empty=True, data_key="sipCallId")
    ivr_server = Text(empty=True, data_key="ivrServer")
    trace_id = Text(empty=True, data_key="traceId")


class RecordingReady(GivenSchema):
    """recordingReady: a recording lies in the prompt storage, or failed."""

    session_id = Text(empty=True, data_key="sessionId")
    connection_id = Text(empty=True, data_key="connectionId")
    recording_file_name = Text(empty=True, data_key="recordingFileName")
    file_size = Count(data_key="fileSize")  # bytes
    ivr_server = Text(empty=True, data_key="ivrServer")
    domain = Text(empty=True)
    event = Text(empty=True)
    reason = Text(empty=True)


class SessionCompleted(_Sited):
    """sessionCompleted: the call is over. What the document says of sessionDuration and reason belongs to other fields:

    both are kept as they came, and nothing is read out of them.
    """

    session_id = Text(empty=True, data_key="sessionId")
    domain = Text(empty=True)
    session_duration = fields.Raw(data_key="sessionDuration")
    reason = fields.Raw()
    session_reference_id = Reference(data_key="sessionReferenceId")
    ivr_server = Text(empty=True, data_key="ivrServer")
    trace_id = Text(empty=True, data_key="traceId")
    http_transaction_id = Text(empty=True, data_key="httpTransactionId")


class GetCallIdentifier(_Sited):
    """getCallIdentifier: which sessionReferenceId shall this call have?"""

    session_id = Text(empty=True, data_key="sessionId")
    called_party = Text(empty=True, data_key="calledParty")


class Crypto(GivenSchema):
    """One of crypto's: an SRTP crypto attribute, RFC 4568."""

    suite = Text(empty=True)
    id = Count()
    config = Text(empty=True)


class NewRemoteCall(GivenSchema):
    """newRemoteCall: a call for the Cloud SIP user agent, whose media are raw RTP: no call that a menu could serve."""

    http_transaction_id = Text(empty=True, data_key="httpTransactionId")
    session_id = Text(empty=True, data_key="sessionId")
    reply_id = Text(empty=True, data_key="replyId")
    trace_id = Text(empty=True, data_key="traceId")
    domain = Text(empty=True)
    ivr_server = Text(empty=True, data_key="ivrServer")
    call_id = Text(empty=True, data_key="callId")
    codec = Text(empty=True)
    destination_uri = Text(empty=True, data_key="destinationUri")
    source_user = Text(empty=True, data_key="sourceUser")
    remote_rtp_ip = Text(empty=True, data_key="remoteRtpIp")
    remote_rtp_port = Count(data_key="remoteRtpPort")
    telephone_event_payload_type = Count(data_key="telephoneEventPayloadType")
    crypto = fields.List(fields.Nested(Crypto))


class FileRecorded(GivenSchema):
    """fileRecorded: known from recordedCallback's text alone, its fields from nowhere. All of it is unknown, and kept."""


class Alarm(GivenSchema):
    """alarm: something went wrong, told to a URL of its own. The last four come with one error, unexpectedReinviteResponse."""

    type = Text(empty=True)
    domain = Text(empty=True)
    session_id = Text(empty=True, data_key="sessionId")
    error = Text(empty=True)
    error_details = Kept(data_key="errorDetails")
    status = Text(empty=True)
    participant_id = Text(empty=True, data_key="participantId")
    user = Text(empty=True)
    call_id = Text(empty=True, data_key="callId")


CALLBACKS: Mapping[str, GivenSchema] = {
    "newCall": NewCall(),
    "getIvrCommand": GetIvrCommand(),
    "callEvent": CallEvent(),
    "callAnswered": CallAnswered(),
    "callNotify": CallNotify(),
    "recordingReady": RecordingReady(),
    "sessionCompleted": SessionCompleted(),
    "getCallIdentifier": GetCallIdentifier(),
    "newRemoteCall": NewRemoteCall(),
    "fileRecorded": FileRecorded(),
    "alarm": Alarm(),
}
