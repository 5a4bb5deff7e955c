r"""The table of a comparison for a paper: ``booktabs``, the numbers of the screen, and how to make it again."""

from collections.abc import Iterator

from webapp.catalogue.quantities import DASH, MINUS, THIN_SPACE
from webapp.comparison.columns import Column
from webapp.comparison.tables import Row, Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\u00b5": r"$\mu$",
    "\u2013": "--",
    "\u2192": r"$\rightarrow$",
    "\u00d7": r"$\times$",
}


def latex(table: Table, command: str) -> str:
    """The table as a ``tabular`` environment, one column for each column of the screen.

    Args:
        table: what to print.
        command: the command that makes this table again; a comment, like the digest and the seeds of each setting.
    """
    head = [*_comments(table, command), r"% needs \usepackage{booktabs}"]
    spec = "".join("l" if column.kind == "text" else "r" for column in table.columns)
    lines = [*head, rf"\begin{{tabular}}{{{spec}}}", r"\toprule"]
    lines.append(_line(_title(table, column) for column in table.columns))
    lines.append(r"\midrule")
    lines += [_line(_cell(table, row, column) for column in table.columns) for row in table.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def escaped(text: str) -> str:
    """A text as LaTeX prints it."""
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def _comments(table: Table, command: str) -> Iterator[str]:
    title, base = table.measure.title, _one_line(table.baseline.label)
    yield f"% {title} at the end of the runs: mean over n seeds, its 95 % interval (Student's t), and the difference"
    yield f"% to {base}, paired by seed: paired t-test, exact sign-flip test, Cohen's d of the pairs."
    yield "% Costs are means over the same runs, simulated; 'Recalled' is the share of figures from general knowledge."
    yield f"% reproduce: {command}"
    for row in table.rows:
        seeds = ", ".join(str(seed) for seed in row.by_seed) or "none"
        cell = row.entry.cell
        yield f"% {_one_line(row.entry.label)}: cell {row.entry.ref}, digest {cell.digest}, seeds {seeds}"


def _one_line(text: str) -> str:
    """A text that cannot end the comment it stands in."""
    return " ".join(text.split())


def _title(table: Table, column: Column) -> str:
    symbol = table.formats[column.name].symbol
    title = escaped(f"{column.title} ({symbol})" if symbol else column.title)
    return {"n": "$n$", "p_t": "$p_t$", "p_sign_flip": r"$p_\mathrm{flip}$", "effect_size": "$d$"}.get(
        column.name, title
    )


def _cell(table: Table, row: Row, column: Column) -> str:
    shown = table.shown(row, column.name)
    if column.kind == "text":
        return escaped(_one_line(shown))
    return "--" if shown == DASH else f"${shown.replace(MINUS, '-').replace(THIN_SPACE, chr(92) + ',')}$"


def _line(cells: Iterator[str]) -> str:
    return " & ".join(cells) + r" \\"
