"""What the API says when it does not do what was asked: RFC 9457, `application/problem+json`, for every error there is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Response

from rpcbridge.errors import MOST_PROBLEMS, Problem


class Refusal(Exception):
    """A request that is not served. `reason` is short and stable, also in the log; `more` are further members of the reply."""

    def __init__(self, status: int, reason: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


def unusable(problems: Iterable[Problem]) -> Refusal:
    """Fields that cannot be used, all at once."""
    listed = [{"field": problem.path, "message": problem.message} for problem in problems]
    if (more := len(listed) - MOST_PROBLEMS) > 0:
        listed = [*listed[:MOST_PROBLEMS], {"field": "", "message": f"and {more} more"}]
    return Refusal(422, "invalid_request", "nothing was done: see errors", errors=listed)


def shown(refusal: Refusal) -> Response:
    """A refusal as it is sent."""
    # "When "about:blank" is used, the title SHOULD be the same as the recommended HTTP status phrase" (RFC 9457, 4.2.1)
    body = {
        "type": "about:blank", "title": HTTPStatus(refusal.status).phrase, "status": refusal.status, "detail": refusal.detail,
        "reason": refusal.reason, **refusal.more,
    }  # fmt: skip
    return Response(json.dumps(body) + "\n", refusal.status, refusal.headers, content_type="application/problem+json")
