"""A comparison with everything filled in that its address leaves open; pages and the API begin here."""

from dataclasses import dataclass
from functools import cached_property

from webapp.comparison.differences import Difference, differences
from webapp.comparison.selection import Entry, Selection
from webapp.comparison.tables import Table, build, measures_of
from webapp.experiments.measures import Measure, measure_of

MAIN = "accuracy"


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        selection: the settings.
        baseline: the one that all others are compared with.
        measure: the metric.
        measures: all metrics and costs that could be asked for.
    """

    selection: Selection
    baseline: Entry
    measure: Measure
    measures: tuple[Measure, ...]

    @cached_property
    def table(self) -> Table:
        """The table of final values."""
        return build(self.selection.entries, self.baseline, self.measure)

    @cached_property
    def differences(self) -> list[Difference]:
        """The fields in which the settings differ."""
        return differences(self.selection.entries)

    @property
    def is_main(self) -> bool:
        """Whether the metric is the one that is shown unasked."""
        return self.measure.name == _main(self.measures)

    @property
    def is_first(self) -> bool:
        """Whether the baseline is the first setting, as it is unasked."""
        return self.baseline is self.selection.entries[0]


def comparison_of(selection: Selection, baseline: str = "", metric: str = "") -> Comparison:
    """The comparison of a selection.

    Args:
        selection: at least one setting.
        baseline: ref of the baseline; the first setting if it is not among them.
        metric: name of the metric; the main one if no run has it.
    """
    measures = tuple(measures_of(selection.entries))
    names = [measure.name for measure in measures]
    return Comparison(
        selection=selection,
        baseline=selection.entry(baseline) or selection.entries[0],
        measure=measure_of(metric if metric in names else _main(measures)),
        measures=measures or (measure_of(MAIN),),
    )


def _main(measures: tuple[Measure, ...]) -> str:
    names = [measure.name for measure in measures]
    return MAIN if MAIN in names or not names else names[0]
