"""What is raised about files that are not what they should be."""

from engine.core.errors import EngineError, Problem, SpecError


class MalformedFile(EngineError):
    """A file of a data set is not of its format."""

    code = "malformed_file"


def refused(code: str, message: str) -> SpecError:
    """The error of an uploaded file with one fault.

    Args:
        code: stable name of the fault.
        message: what is wrong, what is allowed and what was found, in one sentence.
    """
    return SpecError([Problem("", code, message)])
