"""What keeps the platform from starting."""


class StartError(Exception):
    """The platform cannot start; the message says why and what to do about it."""


class StoppedError(Exception):
    """The platform was told to stop while it was starting."""
