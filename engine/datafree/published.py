"""Figures from papers that stand beside a result as context: other networks, other budgets, other code."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.core.registry import kind_of
from engine.task.contract import Published

if TYPE_CHECKING:
    from engine.datafree.task import Datafree

CIFAR_10 = frozenset({"cifar10", "cifar10_jpeg"})
"""Kinds of data sets whose figures the table holds; the papers use the original images."""

BENCH = "WRN-40-2 to WRN-16-1 on CIFAR-10"
CMI = "G. Fang et al., Contrastive Model Inversion for Data-Free Knowledge Distillation, IJCAI 2021, and its repository"
FAST = "G. Fang et al., Up to 100x Faster Data-Free Knowledge Distillation, AAAI 2022, and its repository"

TABLE: Mapping[str, Published] = {
    "dream_distillation": Published(
        "Dream Distillation on CIFAR-10, networks not named", 0.885,
        "K. Bhardwaj et al., Dream Distillation, ICML 2019 workshop, arXiv 1905.07072, abstract",
    ),
    "dafl": Published(f"DAFL, {BENCH}", 0.6571, CMI),
    "adversarial": Published(f"ZSKT, {BENCH}", 0.8374, CMI),
    "deep_inversion": Published(f"DeepInversion, {BENCH}", 0.8304, CMI),
    "adaptive_deep_inversion": Published(f"DeepInversion with competition, {BENCH}", 0.8304, CMI),
    "cmi": Published(f"CMI, {BENCH}", 0.9001, CMI),
    "fast_dfkd": Published(f"FastDFKD with 10 steps, {BENCH}", 0.8929, FAST),
}  # fmt: skip
"""Accuracy of the student by kind of synthesizer."""


def published_of(task: "Datafree") -> tuple[Published, ...]:
    """What papers say of the task's synthesizer on its data set."""
    if task.student is None or task.synthesizer is None or kind_of(type(task.dataset)) not in CIFAR_10:
        return ()
    found = TABLE.get(kind_of(type(task.synthesizer)))
    return () if found is None else (found,)
