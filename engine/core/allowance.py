"""How much may be computed before somebody who waits is answered, counted in steps and not by a clock.

A step takes five to ten microseconds of a core: what a placer spends on one piece, message or device of a placement
that it tries.
"""


class NotForeseen(Exception):
    """What was asked cannot be told within what may be computed; a run will tell. No error of the one who asks."""


class Allowance:
    """Steps that are left, shared by all that is computed for one answer.

    Who wants an answer at any price passes none. Being counted, what is told and what is not is the same on every host.

    Args:
        steps: how many there are at the start.
    """

    def __init__(self, steps: float) -> None:
        self.left = steps

    def covers(self, steps: float | None) -> bool:
        """Whether so many are left; not if nobody knows how many they are."""
        return steps is not None and steps <= self.left

    def take(self, steps: float | None) -> None:
        """Spend steps before something begins.

        Args:
            steps: the most that it takes; None if nobody knows.

        Raises:
            NotForeseen: so many are not left, and none are taken.
        """
        if steps is None or not self.covers(steps):
            raise NotForeseen("it takes longer than somebody should wait; the run itself will tell")
        self.left -= steps

    def give_back(self, steps: float) -> None:
        """Return steps that were taken and turned out not to be needed."""
        self.left += max(0.0, steps)
