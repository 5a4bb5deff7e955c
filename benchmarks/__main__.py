"""``./edgeloom bench NAME [--quick]``: run one of the benchmarks of this folder."""

import argparse
import pkgutil
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path


def names() -> list[str]:
    """The benchmarks, one module each."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(info.name for info in found if not info.ispkg and not info.name.startswith("_"))


def main(arguments: Sequence[str]) -> None:
    """Hand on to the benchmark that the first argument names."""
    parser = argparse.ArgumentParser(prog="edgeloom bench", description="Measure one claim; prints a table.")
    parser.add_argument("name", metavar="NAME", choices=names(), help=", ".join(names()))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments, such as --quick or --json FILE")
    chosen = parser.parse_args(arguments)
    sys.argv = [f"edgeloom bench {chosen.name}", *chosen.arguments]
    runpy.run_module(f"benchmarks.{chosen.name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
