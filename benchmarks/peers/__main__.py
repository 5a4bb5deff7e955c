"""``python -m benchmarks.peers install|lock|where``: the environment of the simulators that speed is compared with."""

import argparse
import subprocess
import sys

from benchmarks.peers import environment


def main(arguments: list[str]) -> int:
    """Make the environment, pin its packages anew, or print its interpreter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=environment.__doc__)
    parser.add_argument("command", choices=("install", "lock", "where"))
    chosen = parser.parse_args(arguments).command
    try:
        if chosen == "install":
            print(f"installing the peers into {environment.folder().name}, a few minutes the first time", flush=True)
            environment.install()
        elif chosen == "lock":
            environment.lock()
        else:
            print(environment.python())
    except subprocess.CalledProcessError as failure:
        print(f"this failed: {' '.join(map(str, failure.cmd[:6]))} ... (see above)", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
