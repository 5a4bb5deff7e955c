"""The page that says which models fit which microcontrollers, made from catalogue and zoo."""

from collections.abc import Iterator

from engine.core.registry import kind_of
from engine.datafree.fleet.budget import SMALL, BudgetRow
from engine.datafree.fleet.footprint import PRECISIONS, footprint
from engine.fleet.catalogue import builtin_devices
from engine.specs.budgeting import ModelBudget, answers, asked, fitting

RAM, FLASH = 256 * 1024, 1024 * 1024
"""The budget of a common microcontroller."""

STUDENTS = ({"kind": "resnet18", "width": 0.25}, {"kind": "resnet34", "width": 0.125}, {"kind": "vgg11", "width": 0.25})
"""Narrow forms of the large models, which stand beside the defaults of all."""


_HEAD = """
# What fits a microcontroller

`./edgeloom budget --model MODEL --dataset DATASET [--device ID] [--ram SIZE --flash SIZE]` says before any training
which models fit which devices. Flash holds the weights and the code of the runtime; memory holds the peak of
activations by liveness and what the runtime needs, and the weights too on devices that do not read them where they lie.
Normalization is folded into the layers before. In `int8` weights and activations have 8 bits, in `int4` weights have 4;
scales, zero points and biases of 32 bits are counted, and a ReLU is computed with the layer before it.

Runtime of a microcontroller: {flash:,.0f} B of flash and {ram:,.0f} B of memory ({provenance}: {source}).
"""

_FOOT = """## Against a published count

STM32Cube.AI 10.0.0 reports for an int8 ResNet-8 on CIFAR-10 (source above) 76.9 KiB of weights and 62.51 KiB of
activations. The declared `resnet8` has 77,360 weights and 346 biases: 78,744 B, which is 76.9 KiB. The {grids:,} B more
that are counted here are scales and zero points. Its activations need {activations:.2f} KiB by liveness; the tool also
allocates input, output and working space of its kernels, which are part of no declaration.
"""


def budget_page(made: str) -> str:
    """The text of the page.

    Args:
        made: the line that says that the page is made from the code.
    """
    figure = SMALL.flash
    head = _HEAD.format(flash=figure.value, ram=SMALL.ram.value, provenance=figure.provenance, source=figure.source)
    sections = [*_section("cifar10", "3x32x32"), *_section("mnist", "1x28x28")]
    needs = footprint(next(iter(answers(asked(_RESNET)))).graph, "int8")
    foot = _FOOT.format(grids=needs.weight_bytes - 78_744, activations=needs.activation_bytes / 1024)
    return "\n".join([made, head, *sections, foot])


def _section(dataset: str, shape: str) -> Iterator[str]:
    own = {
        "name": "budget", "device_class": "microcontroller", "ram_bytes": RAM, "flash_bytes": FLASH,
        "active_power_w": 0, "idle_power_w": 0,
    }  # fmt: skip
    boards = {name: kind for name, kind in builtin_devices().items() if kind.device_class == "microcontroller"}
    groups = [{"name": "budget", "device": own, "count": 1}]
    groups += [{"name": name, "device": kind.model_dump(mode="json"), "count": 1} for name, kind in boards.items()]
    tree = {"dataset": {"kind": dataset}, "models": [{"kind": "mlp"}], "fleet": {"groups": groups}}
    kinds = [{"kind": kind} for kind in fitting(asked(tree).dataset)]
    found = list(answers(asked({**tree, "models": [*kinds, *STUDENTS]})))
    yield from (f"## Images of {shape} ({dataset})", "")
    yield "A budget of 256 KiB of memory and 1 MiB of flash; needs in bytes, and what is missing."
    yield from (
        "",
        "| model | parameters | precision | flash | memory | verdict |",
        "| --- | ---: | --- | ---: | ---: | --- |",
    )
    for budget in found:
        yield from (_line(budget, row) for row in budget.rows if row.group == "budget")
    yield from (
        "",
        "The widest numbers with which it fits each microcontroller of the catalogue, and for which a speed is known:",
        "",
    )
    yield f"| model | {' | '.join(boards)} |"
    yield f"| --- | {' | '.join('---' for _ in boards)} |"
    for budget in found:
        yield f"| {_name(budget)} | {' | '.join(_largest(budget, name) for name in boards)} |"
    yield ""


def _line(budget: ModelBudget, row: BudgetRow) -> str:
    missing = ((row.excess_flash_bytes, "flash"), (row.excess_ram_bytes, "memory"))
    verdict = "fits" if row.fits else ", ".join(f"{size:,} B of {place} missing" for size, place in missing if size)
    cells = (
        _name(budget), f"{budget.graph.num_parameters:,}", row.precision, f"{row.flash_needed:,}",
        f"{row.ram_needed:,}", verdict,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _name(budget: ModelBudget) -> str:
    settings = budget.model.model_dump(exclude_defaults=True, exclude={"kind"})
    return f"`{kind_of(type(budget.model))}`" + "".join(f" {name} {value}" for name, value in settings.items())


def _largest(budget: ModelBudget, group: str) -> str:
    """The first precision that fits a device and that it has a speed for; a dash if none does."""
    rows = {row.precision: row for row in budget.rows if row.group == group}
    able = [name for name in PRECISIONS if rows[name].fits and rows[name].latency_s is not None]
    return able[0] if able else "–"


_RESNET = {
    "dataset": {"kind": "cifar10"},
    "models": [{"kind": "resnet8"}],
    "fleet": {"groups": [{"name": "any", "device": "rpi_4b_4gb", "count": 1}]},
}
