"""Plain JSON trees."""

import json

import numpy as np
import pytest

from engine.core.json import plain


def test_numpy_becomes_plain_and_what_is_not_finite_null() -> None:
    tree = {
        1: np.float32(0.5),
        "ids": np.arange(3),
        "pair": (np.int64(1), np.bool_(True)),
        "bad": [float("nan"), -float("inf"), np.float64("inf")],
        "matrix": np.array([[1.5, np.nan]]),
        "rest": [None, "text", True],
    }
    assert plain(tree) == {
        "1": 0.5,
        "ids": [0, 1, 2],
        "pair": [1, True],
        "bad": [None, None, None],
        "matrix": [[1.5, None]],
        "rest": [None, "text", True],
    }
    json.dumps(plain(tree), allow_nan=False)
    assert type(plain(np.float64(1.5))) is float


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="no JSON form"):
        plain({"a": object()})
