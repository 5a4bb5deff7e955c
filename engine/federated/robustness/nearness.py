"""What rules share that judge updates by how near they lie to each other."""

from typing import Annotated, ClassVar

from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.federated.aggregator import Aggregator, too_few


class NearnessRule(Aggregator):
    """Stands a fixed number f of malicious clients of at least ``crowd * f + 3``."""

    title: ClassVar[str] = "Krum"
    """The rule's name in messages."""

    crowd: ClassVar[int] = 2
    """Clients that a round needs for each malicious one, beside three."""

    num_malicious: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    """f, how many malicious clients a round may have; a round needs at least 2 f + 3 clients."""

    @property
    @override
    def least_updates(self) -> int:
        return self.crowd * self.num_malicious + 3

    @override
    def tolerates(self, num_updates: int) -> int:
        return self.num_malicious

    @override
    def check(self, cohort_size: int) -> list[Problem]:
        reason = f"{self.title} stands f malicious clients of at least {self.crowd} f + 3, and num_malicious is"
        return too_few("num_malicious", self.least_updates, f"{reason} {self.num_malicious}", cohort_size)
