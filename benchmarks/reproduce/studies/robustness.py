"""Each attack in one setting in which the plain mean suffers, and the rule that answers it."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import mean_of, runs_of, table

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Setting:
    """One attack.

    Attributes:
        attack: its kind.
        rule: kind of the aggregator that answers it.
        others: kinds of aggregators that stand beside it.
        story: what happens, and who recommends the rule.
    """

    attack: str
    rule: str
    others: tuple[str, ...]
    story: str

    @property
    def path(self) -> Path:
        """Its spec: without and with the attack, by every rule."""
        return HERE / f"robustness_{self.attack}.yaml"

    def slug(self, rule: str, *, attacked: bool) -> str:
        """The name of the cell of a rule."""
        words = f"attack-{self.attack if attacked else 'null'}-aggregator-{rule}"
        return words.replace("_", "-")


SETTINGS = (
    Setting(
        "label_flip", "median", ("trimmed_mean",),
        "Eight of twenty boards learn that label y is 9 - y. Yin et al. 2018, who attack so in their section 7, answer "
        "with the median of each coordinate, or the mean without its extremes.",
    ),
    Setting(
        "sign_flip", "sign_majority", ("median",),
        "Six of twenty boards send four times their update, turned around. Bernstein et al. 2019 let every client vote "
        "on signs alone, so that length counts nothing.",
    ),
    Setting(
        "gaussian", "multi_krum", ("krum",),
        "Six of twenty boards send noise of standard deviation 200. Blanchard et al. 2017, whose attack and deviation "
        "it is, answer with Krum and Multi-Krum.",
    ),
    Setting(
        "alie", "fltrust", ("median",),
        "Twelve of twenty-five boards shift the mean by as much as hides in the spread of the others, by the paper's "
        "formula; boards hold two classes each, which makes that spread wide. Baruch et al. 2019 have no remedy: their "
        "point is that the rules of their day fail, the median among them. FLTrust (Cao et al. 2021) does not ask what "
        "lies far out but what points where 100 samples of the server's own point.",
    ),
    Setting(
        "inner_product", "fltrust", ("median",),
        "Six of twenty boards send three times the mean of the honest updates, turned around, which turns the mean of "
        "all; Xie et al. 2019 fool Krum and the median so too, with shorter vectors, and have no remedy. FLTrust (Cao "
        "et al. 2021) gives what points against the server's own update no weight at all.",
    ),
    Setting(
        "backdoor", "norm_bound", ("median",),
        "One of twenty boards teaches that a white square of four pixels means 0, and sends its update twenty times as "
        "long, so that the mean becomes its model. Sun et al. 2019 answer with a bound on the length of updates. "
        "Success is the share of test images of the other nine classes that become a 0 once they bear the square.",
    ),
)  # fmt: skip

INTRODUCTION = """
The digits of scikit-learn on a network of 32 hidden units; all boards take part in every round of two local epochs;
fifteen rounds, twenty-five against the backdoor. Accuracy on the held-out test set after the last round, mean and half
the 95 % interval over three seeds. Each attack stands in **one** setting, chosen so that the plain mean of federated
averaging suffers: it shows that attack and remedy do what they should, not which rule is best. Made by
`./edgeloom reproduce robustness`; a test keeps what it says true.
""".strip()


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    for setting in SETTINGS:
        story = textwrap.wrap(setting.story, 120)
        yield from ("", f"## {setting.attack}", "", *story, "", *_section(done, setting))


def _section(done: Sequence[Recorded], setting: Setting) -> list[str]:
    rows = []
    for rule in ("mean", setting.rule, *setting.others):
        plain, hit = (
            runs_of(done, setting.path.stem, setting.slug(rule, attacked=attacked)) for attacked in (False, True)
        )
        if plain or hit:
            accuracies = [mean_of(runs, "accuracy", 100, "%") if runs else "" for runs in (plain, hit)]
            success = mean_of(hit, "attack_success", 100, "%") if hit else ""
            rows.append([f"**{rule}**" if rule == setting.rule else rule, str(len(hit)), *accuracies, success])
    if not rows:
        return ["Nothing is recorded yet."]
    head = ["aggregator", "seeds", "no attack", "attacked", "success of the attack"]
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return table(head, rows)


STUDY = Study("robustness", "Attacks and the rules that answer them", [one.path for one in SETTINGS], render)
