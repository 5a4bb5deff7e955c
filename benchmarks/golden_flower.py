"""Record what Flower's strategies make of fixed updates, for the tests that compare ours with them.

    python -m benchmarks.golden_flower [--check]

Runs ``benchmarks/peers/flower_vectors.py`` in the peers' environment (``python -m benchmarks.peers install`` makes
it) and writes ``tests/fixtures/flower/vectors.json``, which names the versions that made it. With ``--check`` nothing
is written: it says whether the file is what the installed Flower gives.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import environment

SCRIPT = Path(__file__).resolve().parent / "peers" / "flower_vectors.py"
VECTORS = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "flower" / "vectors.json"

TOLERANCE = 1e-12
"""Other builds of NumPy may sum in another order."""


def made() -> Any:
    """What the installed Flower gives.

    Raises:
        subprocess.CalledProcessError: the peers cannot be installed, or the script failed; its message was printed.
    """
    environment.install()
    done = subprocess.run([str(environment.python()), str(SCRIPT)], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def differences(left: Any, right: Any, place: str = "") -> list[str]:
    """Where two files differ by more than rounding, apart from the versions."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        keys = [key for key in left if key not in {"flwr", "numpy"}]
        return [line for key in keys for line in differences(left[key], right[key], f"{place}/{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [line for number, pair in pairs for line in differences(*pair, f"{place}/{number}")]
    if isinstance(left, float) and isinstance(right, float):
        return [] if np.isclose(left, right, atol=TOLERANCE, rtol=0) else [f"{place}: {left} and {right}"]
    return [] if left == right else [place]


def main(arguments: list[str] | None = None) -> int:
    """Write the vectors, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the file and write nothing")
    chosen = parser.parse_args(arguments)
    fresh = made()
    if chosen.check:
        found = differences(json.loads(VECTORS.read_text()), fresh)
        print("\n".join(found) or f"the vectors are those of flwr {fresh['flwr']}")
        return int(bool(found))
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    VECTORS.write_text(json.dumps(fresh, indent=1) + "\n")
    print(f"{VECTORS.name}: {len(fresh['results'])} strategies of flwr {fresh['flwr']}, {len(fresh['rounds'])} rounds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
