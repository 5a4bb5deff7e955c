"""Each attack harms the plain mean, and the rule that answers it repairs the harm, as the published page says."""

from functools import cache
from pathlib import Path

import pytest

from benchmarks.reproduce.studies.robustness import SETTINGS, STUDY, Setting
from engine.data.store import DataStore
from engine.runs.loop import run
from engine.runs.sinks import MemorySink
from engine.specs.context import make_context
from engine.specs.text import cells, parse

HARM = 0.10
"""What the attack costs the mean in accuracy, at least; the weakest, label_flip, costs 0.14."""

every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.attack)


@cache
def metrics_of(path: Path, slug: str) -> dict[str, float]:
    """The final metrics of a cell, by one seed."""
    (spec,) = (cell.spec for cell in cells(parse(path.read_bytes())) if cell.slug == slug)
    outcome = run(spec, 0, context=make_context(spec, 0, store=DataStore.from_environment()), sink=MemorySink())
    assert outcome.summary is not None
    return dict(outcome.summary.metrics)


def final(setting: Setting, rule: str, *, attacked: bool) -> dict[str, float]:
    """The same for a rule with or without the attack."""
    return metrics_of(setting.path, setting.slug(rule, attacked=attacked))


@pytest.mark.slow
def test_every_attack_has_a_setting() -> None:
    from engine.federated.attack import attacks

    assert {setting.attack for setting in SETTINGS} == set(attacks.members())
    assert len(STUDY.cells()) == 3 * 6 * len(SETTINGS)


@pytest.mark.slow
@every_setting
def test_mean_suffers_and_the_rule_repairs_it(setting: Setting) -> None:
    clean = final(setting, "mean", attacked=False)
    hit, repaired = (final(setting, rule, attacked=True) for rule in ("mean", setting.rule))
    assert clean["accuracy"] > 0.88
    if "attack_success" in hit:
        assert hit["attack_success"] > 0.8
        assert repaired["attack_success"] < 0.1
        assert repaired["accuracy"] > clean["accuracy"] - 0.05
        return
    harm = clean["accuracy"] - hit["accuracy"]
    assert harm > HARM
    assert repaired["accuracy"] - hit["accuracy"] > 0.65 * harm
