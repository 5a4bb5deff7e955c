"""Small modules, functions and templates: the limits of CONTRIBUTING.md."""

import ast

import pytest

from tests.architecture.sources import functions, name_of, python_files, tracked

MODULE_LINES = 400
FUNCTION_LINES = 50
POSITIONAL_PARAMETERS = 5
TEMPLATE_LINES = 150


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def num_positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Parameters that can be given by place, without self or cls."""
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"], ["mcs"]))


def test_modules() -> None:
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in python_files()}
    assert {name: size for name, size in sizes.items() if size > MODULE_LINES} == {}


@pytest.mark.slow
def test_functions() -> None:
    sizes = {
        f"{name_of(path)}:{node.lineno} {node.name}": code_lines(node)
        for path in python_files()
        for node in functions(path)
    }
    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES} == {}


@pytest.mark.slow
def test_positional_parameters_outside_tests() -> None:
    counts = {
        f"{name_of(path)}:{node.lineno} {node.name}": num_positional(node)
        for path in python_files()
        if not name_of(path).startswith("tests/")  # pytest passes fixtures by name
        for node in functions(path)
    }
    assert {name: number for name, number in counts.items() if number > POSITIONAL_PARAMETERS} == {}


def test_templates() -> None:
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in tracked() if path.suffix == ".html"}
    assert {name: size for name, size in sizes.items() if size > TEMPLATE_LINES} == {}


def test_no_module_of_leftovers() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [name_of(path) for path in python_files() if path.stem in vague] == []
