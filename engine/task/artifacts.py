"""Where artifacts and uploads lie that a spec names by their hash."""

from pathlib import Path

from engine.core.errors import DataUnavailable


class ArtifactFolder:
    """Artifacts as files of one folder, each named by the SHA-256 of its contents.

    Args:
        root: the folder; it need not exist as long as nothing is asked for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """The file with these contents.

        Raises:
            DataUnavailable: the folder has no such file.
        """
        place = self.root / sha256
        if not place.is_file():
            raise DataUnavailable(
                f"There is no artifact {sha256} on this machine.", remedy=f"Upload it, or put the file at {place}."
            )
        return place
