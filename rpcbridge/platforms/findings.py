"""What one action asks of a platform that it lacks: `impossible` refuses the action, `lost` is dropped and counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rpcbridge.errors import AnswerRejected, Problem, Repair


@dataclass(slots=True)
class Findings:
    """Filled while a reply is written."""

    impossible: list[Problem] = field(default_factory=list)
    lost: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, message: str) -> None:
        """The platform cannot do this, nor leave it out."""
        self.impossible.append(Problem(path, message))

    def lose(self, path: str, message: str) -> None:
        """The platform does the rest without this."""
        self.lost.append(Problem(path, message))

    def within(self, field: str, found: Findings) -> None:
        """What was found in the object that stands in `field`."""
        self.impossible += [replace(problem, path=f"{field}.{problem.path}") for problem in found.impossible]
        self.lost += [replace(problem, path=f"{field}.{problem.path}") for problem in found.lost]

    def judged(self, strict: bool) -> tuple[Repair, ...]:
        """What was dropped. Raises AnswerRejected for what is impossible; strict: also for what would be dropped."""
        refused = self.impossible + (self.lost if strict else [])
        if refused:
            raise AnswerRejected(refused, "not_supported")
        return tuple(Repair("dropped", lost.path, lost.message) for lost in self.lost)
