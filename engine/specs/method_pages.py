"""Pages about methods as a whole: the presets, and which way each strategy's clients are computed."""

from collections.abc import Iterator

from engine.core.sample import SampleSpec
from engine.federated.strategy import Strategy, strategies
from engine.models.zoo.mlp import Mlp
from engine.specs.presets import presets
from engine.specs.writer import write
from engine.training.chain import Chain, chain_of
from engine.training.plans import cohort_obstacle

_MADE = "<!-- Made by ./edgeloom docs from the code; changes belong there. -->"


def preset_page() -> str:
    """What each preset is, where it comes from, and the fields of the task that it sets."""
    lines = [
        _MADE, "", "# Presets", "",
        "Named partial tasks: methods that combine several axes, and the settings of papers. A spec takes one with",
        "`task: {preset: NAME, ...}` or `--set task.preset=NAME`. What stands beside it is laid over it and",
        "mappings merge; the spec is kept with the values.",
    ]  # fmt: skip
    for preset in presets().values():
        summary = preset.summary.strip().replace("``", "`")  # as Markdown has code
        lines += [
            "", f"## {preset.name}", "", f"**{preset.title}.** {summary}", "",
            f"Source: {preset.source.strip()}", "", "```yaml", write({"task": dict(preset.task)}).rstrip(), "```",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def path_page() -> str:
    """Which way the clients of each strategy are computed, and why."""
    small = chain_of(Mlp().declare(SampleSpec(kind="features", shape=(4,), num_classes=2)))
    lines = [
        _MADE, "", "# How clients are computed", "",
        "On a model that is a chain of linear layers and ReLUs the clients of a round train stacked: one batched",
        "matrix product a layer and step for all of them. Everything else trains one client after another. Both are",
        "the same mathematics; `local.path` forces one of them, and the log of a run says which was taken and why.", "",
        "| strategy | clients train | why |", "| --- | --- | --- |",
        *(_row(kind, member, small) for kind, member in strategies.members().items()),
        "", "Whatever the strategy, clients train one after another where:", "",
        *_obstacles(small),
        "- `auto` finds the batch or the model large enough that one client fills the matrix kernels.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _row(kind: str, member: type[Strategy], small: Chain | None) -> str:
    obstacle = cohort_obstacle(member(), small)
    way = "one after another" if obstacle else "stacked"
    return f"| [{kind}](../families/strategies.md#{kind}) | {way} | {obstacle or _reason(member())} |"


def _reason(strategy: Strategy) -> str:
    """What its local steps add to plain SGD that the stacked path has a form for."""
    cls = type(strategy)
    known = {
        "linear_term": "a term of the gradient that is linear in the weights",
        "feature_gradient": "a loss of the features with a gradient in closed form",
        "candidates": "a start of its own for each client",
        "is_shared": "layers of its own for each client",
        "personal_pass": "a second model for each client",
    }
    added = [text for hook, text in known.items() if getattr(cls, hook) is not getattr(Strategy, hook)]
    if strategy.measures_start:
        added.append("the loss of the start, one pass over the samples")
    return "; ".join(added) or "local steps are plain SGD"


def _obstacles(small: Chain | None) -> Iterator[str]:
    plain = strategies["fedavg"]()
    yield f"- {cohort_obstacle(plain, None)};"
    for flag in ({"augments": True}, {"is_private": True}, {"is_sgd": False}):
        yield f"- {cohort_obstacle(plain, small, **flag)};"
