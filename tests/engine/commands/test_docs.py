"""The pages made from the registries: complete, and as the code says now."""

from functools import cache
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.specs import pages as making
from engine.specs.families import CATALOGUES, FAMILIES, names_of

DOCS = Path(__file__).parents[3] / "docs"

pages = cache(making.pages)


def test_the_pages_in_the_repository_are_up_to_date() -> None:
    wanted = pages()
    stale = [name for name, text in wanted.items() if not (DOCS / name).is_file() or (DOCS / name).read_text() != text]
    left_over = {f"families/{file.name}" for file in (DOCS / "families").iterdir()} - set(wanted)
    assert (stale, left_over) == ([], set()), "run ./edgeloom docs and commit what it writes"


@pytest.mark.parametrize("family", [*FAMILIES, *CATALOGUES])
def test_a_page_has_every_kind(family: str) -> None:
    headings = [line.removeprefix("## ") for line in pages()[f"families/{family}.md"].splitlines() if line[:3] == "## "]
    assert headings == list(names_of(family))


def test_a_field_has_type_unit_range_default_and_help() -> None:
    page = pages()["families/strategies.md"]
    assert "| `mu` | number | `0.01` | at least 0, at most 10 | Weight of the proximal term, dimensionless;" in page
    assert "KL(U \\|\\| softmax(a))" in page, "a bar would end the cell"
    assert "| `range_m` | number in m or null |" in pages()["families/topologies.md"]
    assert "| `dataset` | union ([datasets](datasets.md)) | required |" in pages()["families/tasks.md"]


def test_links_between_pages_lead_somewhere() -> None:
    index = pages()["README.md"]
    targets = [part.partition(")")[0].partition("#")[0] for part in index.split("](")[1:]]
    assert len(targets) > len(FAMILIES)
    assert [target for target in targets if not (DOCS / target).is_file()] == []
    assert {f"results/{page.name}" for page in (DOCS / "results").glob("*.md")} <= set(targets), "whatever was measured"


@pytest.mark.slow
def test_the_command_writes_what_differs_and_removes_what_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["docs", "--out", str(tmp_path), "--check"]) == 1
    assert "run ./edgeloom docs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main(["docs", "--out", str(tmp_path)]) == 0
    gone = tmp_path / "families" / "gone.md"
    gone.touch()
    (tmp_path / "README.md").write_text("old")
    capsys.readouterr()
    assert main(["docs", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"wrote {tmp_path / 'README.md'}", f"removed {gone}"]
    assert main(["docs", "--out", str(tmp_path), "--check"]) == 0
