"""Real specs, damaged: every way in which a text or a tree that people could send goes wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from engine.specs.documents import load

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES: tuple[str, ...] = tuple(path.read_text() for path in sorted((ROOT / "examples").glob("*.yaml")))
"""The texts of all examples that the platform brings along."""

HUGE = (2**63, -(2**64), 10**399, 1e308, -1e308, 5e-324, 10**15, -1, 0)
LAUGHS = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c]\n"
SNIPPETS = (
    "!!python/object/apply:os.system ['echo pwned']", "!!python/object:os.path {}", "!!python/name:os.system",
    "!!binary aGk=", "!!set {a, b}", "!!timestamp 2020-01-01", "!custom {a: 1}", "&x {a: *x}", "&a 1", "*a",
    "<<: *a", "? [1, 2] : 3", "2020-01-01", "0o777", "0x_F", "1_000", "1e999", ".inf", "-.INF", ".nan", "yes",
    "'", '"', "{", "[", "}", "%YAML 9.9", "---", "...", "|", ">", "\t", "\r\n", "\r", "\0", "\x07", "\x85",
    "\u2028", "\ufeff", "\ud800", "é", "漢字", "🙂", "\u202eabc", "#", '"\\x00"', '"\\ud800"', '"\\U00110000"',
    "[" * 200, "{a: " * 100, "- " * 100, "9" * 5000, LAUGHS,
)  # fmt: skip

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(HUGE),
    st.text(max_size=8),
    st.sampled_from(["", "\0", "\ud800", "🙂", "..", "../../etc/passwd", "kind", "fedavg", "9" * 400, "a" * 3000]),
    st.lists(st.integers(-3, 3), max_size=3),
    st.dictionaries(st.sampled_from(["kind", "saved", "name", "", "a.b", "0", "é"]), st.text(max_size=4), max_size=2),
    st.integers(60, 200).map(lambda depth: nested(depth)),
)


def nested(depth: int) -> Any:
    """Lists within mappings, that deep."""
    tree: Any = 1
    for level in range(depth):
        tree = [tree] if level % 2 else {"a": tree}
    return tree


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container of a tree with each of its keys."""
    if not isinstance(tree, dict | list):
        return []
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    return [(tree, key) for key in keys] + [place for key in keys for place in places(tree[key])]


def _drop(box: Any, key: Any, value: Any) -> None:
    del box[key]


def _set(box: Any, key: Any, value: Any) -> None:
    box[key] = value


def _double(box: Any, key: Any, value: Any) -> None:
    if isinstance(box, list):
        box.append(box[key])
    else:
        box[f"{key}s"] = box[key]


def _rename(box: Any, key: Any, value: Any) -> None:
    if isinstance(box, dict):
        box[str(value)[:20]] = box.pop(key)
    else:
        box[key] = [box[key]]


def _enlarge(box: Any, key: Any, value: Any) -> None:
    if isinstance(box[key], int | float):
        box[key] = value if isinstance(value, int | float) else box[key] * 10**6
    elif isinstance(box[key], str):
        box[key] = box[key] * 50


CHANGES: tuple[Callable[[Any, Any, Any], None], ...] = (_drop, _set, _double, _rename, _enlarge)


@st.composite
def trees(draw: st.DrawFn) -> Any:
    """The tree of an example after one to four changes anywhere in it."""
    tree = load(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(1, 4))):
        found = places(tree)
        if found:
            box, key = draw(st.sampled_from(found))
            draw(st.sampled_from(CHANGES))(box, key, draw(values))
    return tree


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """The text of an example with lines dropped, doubled or moved, snippets put in, and bytes damaged."""
    lines = draw(st.sampled_from(EXAMPLES)).splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, max(0, len(lines) - 1)))
        match draw(st.sampled_from(["drop", "double", "indent", "snippet"])):
            case "drop":
                del lines[place : place + 1]
            case "double":
                lines[place:place] = lines[place : place + 1]
            case "indent" if lines:
                lines[place] = " " * draw(st.integers(1, 3)) + lines[place]
            case _:
                lines.insert(place, draw(st.sampled_from(SNIPPETS)) + draw(st.sampled_from(["", "\n"])))
    text = "".join(lines)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        cut = place + draw(st.sampled_from([0, 0, 1, 5]))
        text = text[:place] + draw(st.sampled_from(SNIPPETS)) + text[cut:]
    return draw(written(text))


@st.composite
def written(draw: st.DrawFn, text: str) -> bytes:
    """A text in bytes, as editors and bad lines write them."""
    content = text.encode("utf-8", "surrogatepass")
    place = draw(st.integers(0, len(content)))
    forms = {
        "as it is": content,
        "BOM": b"\xef\xbb\xbf" + content,
        "CRLF": content.replace(b"\n", b"\r\n"),
        "CR": content.replace(b"\n", b"\r"),
        "UTF-16": text.encode("utf-16", "surrogatepass"),
        "damaged": content[:place] + draw(st.binary(max_size=4)) + content[place + 1 :],
        "cut": content[:place],
    }
    return forms[draw(st.sampled_from(sorted(forms)))]
