"""The headless commands: ``python -m engine run spec.yaml``."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    # One thread, whatever the shell says: the number of threads changes the order of sums, hence the bits.
    os.environ[_variable] = "1"

COMMANDS = (
    "run", "check", "estimate", "plan", "budget", "recost", "emulate", "calibrate", "network", "list", "schema", "docs",
)  # fmt: skip
"""Modules of ``engine.commands``, each with ``SUMMARY``, ``configure`` and ``execute``."""


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    from engine.commands.output import BAD_INPUT, DONE, FAILED, INTERRUPTED, complain, note
    from engine.core.errors import DataUnavailable, EngineError, SpecError

    modules = {name: import_module(f"engine.commands.{name}") for name in COMMANDS}
    arguments = _parser(modules).parse_args(words)
    if "home" in arguments:
        os.environ["EDGELOOM_HOME"] = arguments.home
    try:
        return int(modules[arguments.command].execute(arguments))
    except (SpecError, DataUnavailable) as error:
        complain(error)
        return BAD_INPUT
    except EngineError as error:
        complain(error)
        return FAILED
    except BrokenPipeError:
        # The reader of our output has had enough, as in `list devices | head`; nothing more can be told to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        note(f"edgeloom: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return FAILED
    except KeyboardInterrupt:
        note("edgeloom: interrupted")
        return INTERRUPTED


def _parser(modules: Mapping[str, ModuleType]) -> argparse.ArgumentParser:
    home = argparse.ArgumentParser(add_help=False)
    home.add_argument(
        "--home", "--data-dir", metavar="DIR", default=argparse.SUPPRESS, help="the platform's folder (EDGELOOM_HOME)"
    )
    parser = argparse.ArgumentParser(
        prog="edgeloom", description="Experiments in learning on networks of devices.", parents=[home]
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in modules.items():
        module.configure(commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY, parents=[home]))
    return parser


if __name__ == "__main__":
    sys.exit(main())
