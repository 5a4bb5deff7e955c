"""What the templates of previews draw: bars with their lengths, the data of the class map, rows of its table twin."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from webapp.previews.services import Preview

BAR_WIDTH = 160
MOST_COLUMNS = 20
"""Classes that are columns of the table twin; of more, each row names the largest."""
NAMED_CLASSES = 6


def board_of(preview: Preview) -> dict[str, Any]:
    """What its template needs; nothing while it is not made."""
    if preview.data is None:
        return {}
    match preview.kind:
        case "samples":
            return _samples(preview.digest, preview.data)
        case "class_map":
            return _class_map(preview.data)
        case _:
            return dict(preview.data)


def _samples(digest: str, data: Mapping[str, Any]) -> dict[str, Any]:
    most = max((max(row["train"], row["test"]) for row in data["classes"]), default=0)
    classes = [
        {**row, "train_bar": _bar(row["train"], most), "test_bar": _bar(row["test"], most)} for row in data["classes"]
    ]
    return {**data, "classes": classes, "digest": digest, "has_pictures": any(_pictured(data["samples"]))}


def _pictured(samples: Sequence[Mapping[str, Any]]) -> list[bool]:
    return [sample["picture"] is not None for sample in samples]


def _bar(count: int, most: int) -> float:
    return round(BAR_WIDTH * count / most, 1) if most else 0.0


def _class_map(data: Mapping[str, Any]) -> dict[str, Any]:
    classes = data["classes"]
    is_wide = len(classes) > MOST_COLUMNS
    rows = [
        {
            "clients": _range(first, last),
            "total": sum(counts),
            "num_classes": sum(count > 0 for count in counts),
            "counts": [] if is_wide else counts,
            "named": _largest(classes, counts) if is_wide else "",
        }
        for first, last, counts in zip(data["first"], data["last"], data["counts"], strict=True)
    ]
    drawn = {name: data[name] for name in ("classes", "first", "last", "counts")}
    return {**data, "rows": rows, "is_wide": is_wide, "drawn": drawn, "height": _height(len(classes))}


def _height(num_classes: int) -> int:
    """Step of the height of the drawing, so that few classes are no thick bars and many stay apart."""
    return min(4, max(1, math.ceil(num_classes / 12)))


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _largest(classes: Sequence[str], counts: Sequence[int]) -> str:
    order = sorted(range(len(counts)), key=lambda place: -counts[place])
    named = [f"{classes[place]}: {counts[place]}" for place in order[:NAMED_CLASSES] if counts[place]]
    others = sum(count > 0 for count in counts) - len(named)
    return ", ".join(named) + (f" and {others} more" if others > 0 else "")
