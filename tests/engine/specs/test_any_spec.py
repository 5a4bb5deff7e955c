"""The door under fire: whatever is sent, a spec comes out or its problems do, and never anything else."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.errors import Problem, SpecError
from engine.specs.documents import clean
from engine.specs.text import canonical, parse, parse_tree
from tests.engine.specs.mutants import EXAMPLES, LAUGHS, SNIPPETS, texts, trees

HIDDEN = ("Traceback", 'File "', "pydantic", "object at 0x")


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELOOM_OFFLINE", "1")


def judge(read: Callable[[], Any]) -> None:
    """Read a spec: it is good and reads back as itself, or every problem says where and what."""
    problems: Sequence[Problem] = ()
    spec = None
    try:
        spec = read()
    except SpecError as error:
        problems = error.problems
    assert (spec is None) == bool(problems)
    for problem in problems:
        assert isinstance(problem.path, str)
        assert problem.code
        assert problem.message.strip()
        assert len(problem.message) < 5000
        assert not [word for word in HIDDEN if word in problem.message]
        json.dumps([problem.path, problem.message]).encode()
    if spec is not None:
        assert parse(canonical(spec)) == spec, "its complete text says something else"


def try_text(text: bytes) -> None:
    judge(lambda: parse(text))


def try_tree(tree: Any) -> None:
    judge(lambda: parse_tree(clean(tree)))
    judge(lambda: parse(json.dumps(tree)))


def at_most(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@at_most(150)
@given(texts())
def test_a_damaged_text(text: bytes) -> None:
    try_text(text)


@pytest.mark.slow
@at_most(100)
@given(trees())
def test_a_damaged_tree(tree: Any) -> None:
    try_tree(tree)


@pytest.mark.full
@at_most(10_000)
@given(texts())
def test_ten_thousand_damaged_texts(text: bytes) -> None:
    try_text(text)


@pytest.mark.full
@at_most(10_000)
@given(trees())
def test_ten_thousand_damaged_trees(tree: Any) -> None:
    try_tree(tree)


@pytest.mark.slow
@at_most(200)
@given(st.text(max_size=80) | st.binary(max_size=80))
def test_any_text_at_all(text: str | bytes) -> None:
    judge(lambda: parse(text))


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_as_a_value_and_alone(snippet: str) -> None:
    for text in (snippet, f"name: {snippet}\n{EXAMPLES[0]}", f"fleet: {snippet}", f'{{"task": {snippet}}}'):
        judge(lambda text=text: parse(text))  # type: ignore[misc]


def test_laughs_are_refused_before_they_multiply() -> None:
    with pytest.raises(SpecError) as caught:
        parse(LAUGHS)
    assert {problem.code for problem in caught.value.problems} == {"alias"}


def test_tags_build_no_objects(tmp_path: Any) -> None:
    there = tmp_path / "there"
    for tag in (
        "!!python/object/apply:os.system",
        "!!python/object/apply:pathlib.Path.touch",
        "!<tag:yaml.org,2002:x>",
    ):
        with pytest.raises(SpecError) as caught:
            parse(f"name: {tag} ['touch {there}']\nfleet: {{}}\ntask: {{}}")
        assert {problem.code for problem in caught.value.problems} == {"tag"}
    assert not there.exists()
