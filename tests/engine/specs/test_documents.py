"""Text to tree: YAML 1.2, JSON, and everything that is refused on the way."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import SpecError
from engine.specs.documents import clean, load
from engine.specs.writer import write
from engine.specs.yaml import scalar


def codes_of(text: str | bytes, **options: int) -> list[tuple[str, str]]:
    """Path and code of each problem of a text."""
    with pytest.raises(SpecError) as caught:
        load(text, **options)
    return [(problem.path, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        (".5", 0.5),
        ("1.", 1.0),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1e", "1e"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    """Expected values from YAML 1.2.2, section 10.3.2."""
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_all_problems_of_a_text_come_at_once_with_path_and_line() -> None:
    text = "a: 1\nb: {c: 1, c: 2}\nl: [1, {x: &here 1, y: *here}, .nan]\na: 2\n"
    with pytest.raises(SpecError) as caught:
        load(text)
    found = {(problem.path, problem.code): problem.message for problem in caught.value.problems}
    assert set(found) == {
        ("a", "duplicate_key"),
        ("b.c", "duplicate_key"),
        ("l.1.x", "alias"),
        ("l.1.y", "alias"),
        ("l.2", "not_finite"),
    }
    assert found["a", "duplicate_key"].startswith("line 4:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "a": 2}', [("a", "duplicate_key")]),
        ('{"a": {"b": [{"c": 1, "c": 1}]}}', [("a.b.0.c", "duplicate_key")]),
        ('{"a": NaN, "b": Infinity, "c": 1e999}', [("a", "not_finite"), ("b", "not_finite"), ("c", "not_finite")]),
        ('{"a": ' + "9" * 5000 + "}", [("a", "not_finite")]),
        ("a: " + "9" * 5000, [("a", "not_finite")]),
        ('{"a": "\\u0000"}', [("a", "bad_text")]),
        ('{"a": "\\ud800"}', [("", "bad_text")]),
        ("a: !!python/object:os.system x", [("a", "tag")]),
        ("a: 1\n---\nb: 2\n", [("", "syntax")]),
        ("? [a, b]\n: 1", [("", "syntax")]),
        ("a: [1, 2", [("", "syntax")]),
        ("a: b: c", [("", "syntax")]),
        (b"\xff\xfe", [("", "encoding")]),
        ("[" * 5000, [("", "too_deep")]),
        ('{"a":' * 100_000, [("", "too_deep")]),
        ("x" * 2_000_000, [("", "too_large")]),
        (b"x" * 2_000_000, [("", "too_large")]),
    ],
)
def test_what_is_refused(text: str | bytes, expected: list[tuple[str, str]]) -> None:
    assert codes_of(text) == expected


def test_a_mapping_cannot_explode() -> None:
    """The billion laughs: every alias is refused, so nothing is ever multiplied."""
    laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert {code for _, code in codes_of(laughs)} == {"alias"}


def test_the_size_limit_is_the_callers() -> None:
    assert load("a: 1", max_bytes=4) == {"a": 1}
    assert codes_of("a: 12", max_bytes=4) == [("", "too_large")]
    assert codes_of("ä: 1", max_bytes=4) == [("", "too_large")]  # five bytes of UTF-8


def test_a_flow_mapping_that_is_no_json_is_yaml() -> None:
    assert load("{a: 1, b: [x, y]}") == {"a": 1, "b": ["x", "y"]}


def test_byte_order_mark_is_ignored() -> None:
    assert load("\ufeffa: 1".encode()) == load('\ufeff{"a": 1}') == {"a": 1}


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.slow
@given(trees)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_back(tree: object) -> None:
    assert load(write(tree)) == tree
    assert load(json.dumps({"a": tree})) == {"a": tree}


@given(st.text(max_size=60) | st.binary(max_size=60))
@settings(max_examples=500, deadline=None)
def test_no_text_gets_past_the_door_as_another_error(text: str | bytes) -> None:
    try:
        tree = load(text)
    except SpecError:
        return
    assert_plain(tree)


@pytest.mark.slow
@given(st.lists(st.sampled_from(list("{}[]:,&*!|>?-%@`\"'#~ \n\tab1.e<")), max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_soup_of_yaml_signs_gets_past_the_door_as_another_error(text: str) -> None:
    try:
        tree = load(text)
    except SpecError:
        return
    assert_plain(tree)


def assert_plain(tree: object) -> None:
    """The tree holds nothing but what JSON knows."""
    match tree:
        case dict():
            for key, value in tree.items():
                assert isinstance(key, str)
                assert_plain(value)
        case list():
            for value in tree:
                assert_plain(value)
        case float():
            assert math.isfinite(tree)
        case _:
            assert tree is None or isinstance(tree, bool | int | str)


def test_trees_from_elsewhere_are_looked_at_alike() -> None:
    with pytest.raises(SpecError) as caught:
        clean({"a": float("nan"), "b": {1: 2}, "c": object(), "d": ["\0"]})
    assert [(p.path, p.code) for p in caught.value.problems] == [
        ("a", "not_finite"),
        ("b", "wrong_type"),
        ("c", "wrong_type"),
        ("d.0", "bad_text"),
    ]
