"""Which JavaScript modules there are: our own by walking their folder, vendor libraries only if they are installed."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders

OWN = Path(__file__).resolve().parent.parent / "static" / "webapp" / "js"

VENDOR = {"uplot": "vendor/uplot/uPlot.esm.js"}
"""Bare module name and the place where the asset command puts the library."""

UPLOT_STYLE = "vendor/uplot/uPlot.min.css"


@cache
def modules() -> dict[str, str]:
    """Bare module name to path below the static root, for the page's import map."""
    own = {f"edgeloom/{path.name}": f"webapp/js/{path.name}" for path in sorted(OWN.glob("*.js"))}
    return own | {name: path for name, path in VENDOR.items() if has_asset(path)}


@cache
def has_asset(path: str) -> bool:
    """Whether a static file is there; charts fall back to their tables where it is not."""
    return finders.find(path) is not None
