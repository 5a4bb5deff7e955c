"""Documents made from the registries: what each kind of a family is, where it comes from and what can be set."""

from collections.abc import Iterator
from typing import Any

from engine.core.figure import Figure
from engine.core.json import JsonValue
from engine.federated.combinations import RULES
from engine.specs.budget_page import budget_page
from engine.specs.describe import Description, FieldDescription, describe
from engine.specs.families import BUILT_IN, FAMILIES
from engine.specs.method_pages import path_page, preset_page
from engine.specs.presets import PRESETS, Preset, presets

_MADE = "<!-- Made by ./edgeloom docs from the code; changes belong there. -->"
_CATALOGUE_TITLES = {"devices": "Devices of the catalogue", "links": "Links of the catalogue"}


def pages() -> dict[str, str]:
    """The text of every page by its path below the folder of the documents."""
    texts = {f"families/{family}.md": _family_page(family) for family in FAMILIES}
    texts |= {f"families/{name}.md": _catalogue_page(name) for name in BUILT_IN}
    texts |= {f"families/{PRESETS}.md": preset_page(), "reference/paths.md": path_page()}
    texts |= {"reference/microcontrollers.md": budget_page(_MADE), "reference/combinations.md": _combinations_page()}
    return {"README.md": _index(), **texts}


def _combinations_page() -> str:
    lines = [
        _MADE, "", "# What does not combine", "",
        "Axes of a federated task combine freely, except for these pairs, which are refused before a run starts.",
        "A test walks all pairs of members of different axes: each runs, or stands here.", "",
        "| this | does not combine with | because |", "| --- | --- | --- |",
    ]  # fmt: skip
    for rule in RULES:
        cells = (
            f"`{rule.choice.field}`: {rule.choice.words}",
            f"`{rule.other.field}`: {rule.other.words}",
            rule.reason,
        )
        lines.append(f"| {' | '.join(_cell(text) for text in cells)} |")
    return "\n".join(lines) + "\n"


def _index() -> str:
    lines = [
        _MADE, "", "# Documents", "",
        "- [Spec files](reference/spec.md), [REST](api.md), [cost model](reference/cost-model.md),",
        "  [comparison](reference/comparison.md), [runs](reference/runs.md), [events](reference/events.md),",
        "  [folder of a run](reference/run-folder.md), [real execution](reference/emulation.md),",
        "  [what does not combine](reference/combinations.md),",
        "  [privacy and secure sums](reference/privacy.md), [how clients are computed](reference/paths.md),",
        "  [what fits a microcontroller](reference/microcontrollers.md), [exported files](reference/exports.md),",
        "  [metadata instead of data](reference/metadata.md), [compressing a model without its data](data-free.md)",
        "- Measured: [speed and scale](results/federated-speed.md), [shards](results/shards.md),",
        "  [FedMAX](results/fedmax.md),",
        "  [attacks and rules](results/robustness.md), [encodings](results/encodings.md),",
        "  [speakers and roles](results/natural.md), [emulation](results/emulation.md),",
        "  [plans carried out](results/live.md), [compute](results/compute.md),",
        "  [estimates](results/estimates.md), [quantization](results/quantization.md),",
        "  [Dream Distillation](results/dream-distillation.md),",
        "  [CIFAR-10 without data](results/compression-cifar.md), [speed of synthesis](results/synthesis-speed.md),",
        "  [networks of students](results/nonn.md), [the same on CIFAR-10](results/nonn-cifar.md)",
        "- [Decisions](decisions/README.md), [glossary](glossary.md), [changelog](../CHANGELOG.md)", "",
        "## Families", "",
        "What a spec can name. These pages are made from the code by `./edgeloom docs`.", "",
        "| family | what it is | kinds |", "| --- | --- | --- |",
    ]  # fmt: skip
    for family, registry in FAMILIES.items():
        kinds = ", ".join(f"[{kind}](families/{family}.md#{kind})" for kind in registry.members())
        lines.append(f"| [{family}](families/{family}.md) | {_cell(_summary(registry.base))} | {kinds} |")
    for name, read in BUILT_IN.items():
        rows = read()
        about = _cell(_summary(type(next(iter(rows.values())))))
        lines.append(f"| [{name}](families/{name}.md) | {about} | {len(rows)} entries |")
    named = ", ".join(f"[{name}](families/{PRESETS}.md#{name})" for name in presets())
    lines.append(f"| [{PRESETS}](families/{PRESETS}.md) | {_cell(_summary(Preset))} | {named} |")
    return "\n".join(lines) + "\n"


def _family_page(family: str) -> str:
    registry = FAMILIES[family]
    lines = [_MADE, "", f"# {family.capitalize()}", "", _summary(registry.base), ""]
    for member in registry.members().values():
        lines += [*_kind(describe(member)), ""]
    return "\n".join(lines)


def _kind(about: Description) -> Iterator[str]:
    yield from (f"## {about.kind}", "", f"**{about.title}.** {_quoted(about.summary)}", "")
    if about.details:
        yield from (_quoted(about.details), "")
    if about.equation:
        yield from (f"`{about.equation}`", "")
    yield from (f"Source: {about.source}", "")
    rows = [_row(field) for field in _shown(about)]
    if not rows:
        yield "Nothing to set."
        return
    yield from ("| field | type | default | range | what it is |", "| --- | --- | --- | --- | --- |", *rows)


def _shown(about: Description) -> Iterator[FieldDescription]:
    """The fields of a kind and those of the components in them; members of other families have pages of their own."""
    for field in about.fields:
        yield field
        if field.type == "object" and field.options:
            yield from _shown(field.options[0])


def _row(field: FieldDescription) -> str:
    cells = (f"`{field.path}`", _type(field), _default(field), _range(field), _cell(field.help))
    return f"| {' | '.join(cells)} |"


def _type(field: FieldDescription) -> str:
    text: str = field.type
    known = field.family if field.family in (*FAMILIES, *BUILT_IN) else ""
    if field.item is not None:
        inner = field.item
        known = known or (inner.family if inner.family in (*FAMILIES, *BUILT_IN) else "")
        text = f"{text} of {inner.type}"
    unit = field.unit or (field.item.unit if field.item else "")
    text += f" in {unit}" if unit else ""
    text += f" ([{known}]({known}.md))" if known else ""
    return f"{text} or null" if field.optional else text


def _default(field: FieldDescription) -> str:
    if field.required:
        return "required"
    value = field.default
    if isinstance(value, dict):
        kind = value.get("kind")
        return f"`{kind}`" if kind else "see its fields" if value else "`{}`"
    return f"`{_plain(value)}`"


def _plain(value: JsonValue) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_plain(item) for item in value)}]"
    if isinstance(value, dict):
        return str(value.get("kind", "{...}"))
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else '""' if value == "" else str(value)


def _range(field: FieldDescription) -> str:
    if field.choices and not field.family:
        return ", ".join(f"`{_plain(choice)}`" for choice in field.choices)
    bounds = (
        ("at least", field.minimum), ("above", field.exclusive_minimum),
        ("at most", field.maximum), ("below", field.exclusive_maximum),
    )  # fmt: skip
    return ", ".join(f"{word} {value:g}" for word, value in bounds if value is not None)


def _catalogue_page(name: str) -> str:
    entries = BUILT_IN[name]()
    lines = [_MADE, "", f"# {_CATALOGUE_TITLES.get(name, name.capitalize())}", ""]
    lines += [_summary(type(next(iter(entries.values())))), ""]
    for key, entry in entries.items():
        lines += [*_entry(key, entry), ""]
    return "\n".join(lines)


def _entry(key: str, entry: Any) -> Iterator[str]:
    yield from (f"## {key}", "", f"**{entry.name}**", "")
    yield from ("| figure | value | known how | source |", "| --- | --- | --- | --- |")
    for field in type(entry).model_fields:
        figure = getattr(entry, field)
        if isinstance(figure, Figure):
            unit = f" {figure.unit}" if figure.unit else ""
            source = _cell(figure.source)
            yield f"| `{field}` | {figure.value:g}{unit} | {figure.provenance} | {source} |"


def _summary(cls: type) -> str:
    return _quoted(" ".join((cls.__doc__ or "").partition("\n\n")[0].split()))


def _quoted(text: str) -> str:
    """The text of a docstring with Markdown's single backticks around code."""
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return _quoted(text).replace("|", "\\|")
