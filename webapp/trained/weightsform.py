"""The form by which weights are uploaded: name, file, and the architecture and data set as the engine declares them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from engine.core.errors import Problem, SpecError
from engine.specs.describe import describe
from webapp.datasets import receiving
from webapp.library.suggestions import suggester
from webapp.previews.parts import Looked
from webapp.specforms.form import SpecForm
from webapp.specforms.node import Node
from webapp.specforms.root import Root
from webapp.teams.models import Team, User
from webapp.trained import uploading
from webapp.trained.models import TrainedModel

PICKLED = (".pt", ".pth", ".ckpt", ".bin", ".pkl")
"""Endings of files that are refused before they are read; everything else is judged by its content."""

FILE_FIELDS = frozenset({"file", "sha256", "size_bytes", "parts", ""})
"""Places of problems that are about the file."""


@dataclass
class WeightsForm:
    """What somebody has typed so far.

    Attributes:
        spec: architecture and data set.
        name: what people will call the model.
        problems: what is wrong, for the list at the top.
    """

    spec: SpecForm
    name: str = ""
    problems: Sequence[Problem] = field(default_factory=tuple)

    @classmethod
    def of_post(cls, team: Team, post: QueryDict) -> "WeightsForm":
        """The form as it was sent, with the change of structure that a choice asked for."""
        spec = SpecForm.of_post(_roots(), post, suggest=suggester(team))
        if action := post.get("_edit", ""):
            spec.edit(action)
        return cls(spec, str(post.get("name", "")))

    @classmethod
    def blank(cls, team: Team) -> "WeightsForm":
        """An empty form."""
        return cls(SpecForm(_roots(), suggest=suggester(team)))

    @property
    def nodes(self) -> dict[str, Node]:
        """What to draw of architecture and data set."""
        return self.spec.by_name

    @property
    def at_name(self) -> list[str]:
        """What is wrong with the name."""
        return [problem.message for problem in self.problems if problem.path == "name"]

    @property
    def at_file(self) -> list[str]:
        """What is wrong with the file, its tensors among it."""
        parts = ("name", "model", "dataset")
        return [problem.message for problem in self.problems if problem.path.partition(".")[0] not in parts]

    @property
    def listed(self) -> list[tuple[str, str, str]]:
        """All problems with the id of the input that they are about, path and message."""
        own = {"name": "name", **dict.fromkeys(FILE_FIELDS, "file")}
        return [
            (own.get(path.partition(".")[0], found if found != "f-" else "file"), path, message)
            for found, path, message in self.spec.listed_problems
        ]

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Take over what is wrong."""
        self.problems = tuple(problems)
        self.spec.refuse(problems)

    def take(self, team: Team, user: User, file: "UploadedFile[bytes] | None") -> TrainedModel:
        """Take in the file that came with the form.

        Raises:
            PermissionDenied: the user is no editor of the team.
            SpecError: all that is wrong.
        """
        parts: dict[str, Any] = self.spec.tree()
        model, dataset = parts.get("model"), parts.get("dataset")
        problems = []
        if file is None:
            problems = [Problem("file", "missing", "choose the file of weights")]
        elif str(file.name).lower().endswith(PICKLED):
            problems = [uploading.pickle_problem()]
        if file is None or problems:
            nothing = uploading.Wish(self.name, "", 0, model, dataset)
            raise SpecError([*uploading.wrong_words(team, nothing), *problems])
        wish = uploading.Wish(self.name, receiving.checksum_of(file.chunks()), file.size or 0, model, dataset)
        row = uploading.announce(team, user, wish)
        receiving.write_whole(row, file.chunks())
        return uploading.complete(row, user)


@cache
def _roots() -> tuple[Root, ...]:
    described = describe(Looked)
    model = replace(
        described["model"],
        title="Architecture",
        help="Of the zoo, with the settings that the weights were trained with. Leave it and the data set out for a "
        "file that this platform wrote: it says itself what it holds.",
    )
    dataset = replace(
        described["dataset"],
        title="Data set",
        help="Whose samples the model takes and whose classes it tells apart; inputs are standardized as this set "
        "declares.",
    )
    return Root(model), Root(dataset)
