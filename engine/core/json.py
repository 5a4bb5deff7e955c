"""Plain JSON trees: what events, checkpoint values, results and specs are made of."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
"""A value that survives a round trip through JSON unchanged."""


def plain(value: Any) -> JsonValue:
    """The same value as a JSON tree: NumPy numbers and arrays become numbers and lists, a non-finite number None.

    JSON has no NaN; a diverged run says ``null``, which every reader understands.

    Raises:
        TypeError: the value holds something that JSON cannot say.
    """
    match value:
        case np.ndarray() | np.generic():  # first, because np.float64 is a float
            return plain(value.tolist())
        case None | bool() | str() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__qualname__} has no JSON form: {value!r}")
