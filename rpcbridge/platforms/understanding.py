"""What a backend's answer is to a platform: one understanding for all who serve or only translate. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rpcbridge.domain.actions import AnyAction
from rpcbridge.errors import AnswerRejected, Problem, Repair
from rpcbridge.platforms import Native, Platform
from rpcbridge.schemas import actions


def understood(platform: Platform, answer: Any) -> tuple[AnyAction | Native, tuple[Repair, ...]]:
    """A backend's JSON answer: the contract's action, or the platform's own shape. Raises AnswerRejected with every problem."""
    if isinstance(answer, dict) and "native" in answer:
        return _beside(answer, lambda: platform.load_native(answer["native"], "native"))
    if platform.is_native(answer):
        return platform.load_native({key: value for key, value in answer.items() if key != "state"}, "")
    loaded = actions.load(answer)
    return loaded.action, loaded.repairs


def _beside(answer: dict[str, Any], load: Callable[[], tuple[Native, tuple[Repair, ...]]]) -> tuple[Native, tuple[Repair, ...]]:
    """What `load` makes of the native part; a key beside it that has no meaning joins its problems."""
    strangers = [Problem(key, "unknown key beside native, known: state") for key in answer if key not in ("native", "state")]
    try:
        loaded = load()
    except AnswerRejected as error:
        raise AnswerRejected([*error.problems, *strangers], error.reason) from None
    if strangers:
        raise AnswerRejected(strangers)
    return loaded
