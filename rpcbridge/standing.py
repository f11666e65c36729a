"""Whether a part of the bridge works: for /readyz, and for the log, which is told when that changes and not every time."""

from __future__ import annotations

import structlog


class Standing:
    """`<name>` is the health check's; the log says `<name>_failing` and `<name>_works_again`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failing = ""
        self._log = structlog.get_logger()

    def fails(self, why: str) -> None:
        """It does not work."""
        if not self._failing:
            self._log.error(f"{self._name}_failing", detail=why)
        self._failing = why

    def works(self) -> None:
        """It works."""
        if self._failing:
            self._log.warning(f"{self._name}_works_again")
        self._failing = ""

    def check(self, well: str = "ok") -> tuple[str, bool, str]:
        """The health check; `well` is what it says where all is."""
        return self._name, not self._failing, f"failing ({self._failing})" if self._failing else well
