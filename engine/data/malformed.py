"""The error of a file that is not of its format."""

from engine.core.errors import EngineError


class MalformedFile(EngineError):
    """A file of a data set is not of its format."""

    code = "malformed_file"
