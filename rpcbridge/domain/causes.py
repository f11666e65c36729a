"""Q.850 hangup causes and the SIP response each stands for, after RFC 3398 (ISUP to SIP)."""

from __future__ import annotations

from typing import NamedTuple


class Cause(NamedTuple):
    """One row: the cause's definition and the SIP response code, None where SIP says it with BYE or CANCEL."""

    code: int
    definition: str
    sip: int | None


CAUSES = (
    Cause(1, "unallocated (unassigned) number", 404),
    Cause(2, "no route to network", 404),
    Cause(3, "no route to destination", 404),
    Cause(16, "normal call clearing", None),
    Cause(17, "user busy", 486),
    Cause(18, "no user responding", 408),
    Cause(19, "no answer from the user", 480),
    Cause(20, "subscriber absent", 480),
    Cause(21, "call rejected", 403),
    # Two rows for one cause: without a diagnostic the new number is not known, with one it is.
    Cause(22, "number changed (without diagnostic)", 410),
    Cause(22, "number changed (with diagnostic)", 301),
    Cause(23, "redirection to new destination", 410),
    Cause(26, "non-selected user clearing", 404),
    Cause(27, "destination out of order", 502),
    Cause(28, "address incomplete", 484),
    Cause(29, "facility rejected", 501),
    Cause(31, "normal unspecified", 480),
    Cause(34, "no circuit available", 503),
    Cause(38, "network out of order", 503),
    Cause(41, "temporary failure", 503),
    Cause(42, "switching equipment congestion", 503),
    Cause(47, "resource unavailable", 503),
    Cause(55, "incoming calls barred within CUG", 403),
    Cause(57, "bearer capability not authorized", 403),
    Cause(58, "bearer capability not presently available", 503),
    Cause(65, "bearer capability not implemented", 488),
    Cause(70, "only restricted digital information available", 488),
    Cause(79, "service or option not implemented", 501),
    Cause(87, "user not member of CUG", 403),
    Cause(88, "incompatible destination", 503),
    Cause(102, "recovery on timer expiry", 504),
    Cause(111, "protocol error", 500),
    Cause(127, "interworking unspecified", 500),
)


def definition(code: int) -> str:
    """What `code` means, in words; the first row where there are two."""
    return next((cause.definition for cause in CAUSES if cause.code == code), "unknown cause")
