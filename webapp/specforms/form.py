"""A form over fields of the spec: from a request or a document, to a tree, a YAML text and nodes to draw."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.http import QueryDict

from engine.core.errors import Problem, SpecError
from engine.specs.documents import load
from engine.specs.versions import CURRENT
from engine.specs.writer import write
from webapp.specforms.catalogues import catalogue_names
from webapp.specforms.node import FormState, Node, Suggest, element_id
from webapp.specforms.raw import UNSET, Raw, drop, numbers, set_numbers
from webapp.specforms.root import Root
from webapp.texts import byte_limit

YAML_ID = "f-yaml"

FIRST_KINDS = {"task": "federated"}
"""The kind with which a part begins, where there are several."""


@dataclass
class SpecForm:
    """What the user has typed so far, in the generated form or in its YAML twin.

    Attributes:
        roots: the parts that the form asks for.
        raw: the texts of its inputs.
        yaml: the text of the twin while that is shown; None while the form is.
        problems: what the engine found.
        suggest: values to offer for text fields.
        notes: what to tell about the last switch between the twins.
    """

    roots: tuple[Root, ...]
    raw: Raw = field(default_factory=dict)
    yaml: str | None = None
    problems: tuple[Problem, ...] = ()
    suggest: Suggest = lambda _path: ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of_tree(
        cls, roots: tuple[Root, ...], tree: Mapping[str, Any], *, suggest: Suggest = lambda _path: ()
    ) -> "SpecForm":
        """A form that shows a document; its YAML twin if the document holds what the form has no field for."""
        form = cls(roots, suggest=suggest)
        for root in roots:
            if root.field.name in tree:
                root.shape.encode(tree[root.field.name], root.place, form.raw)
        # The form writes the current version, whether or not the document names it.
        told = {name: value for name, value in tree.items() if (name, value) != ("version", CURRENT)}
        if not _same(form.tree(), told):
            form.yaml = write(dict(tree))
            form.notes = ("Shown as YAML, because it holds something that the form has no field for.",)
        return form

    @classmethod
    def of_post(cls, roots: tuple[Root, ...], post: QueryDict, *, suggest: Suggest = lambda _path: ()) -> "SpecForm":
        """The form as it was sent."""
        keys = tuple(root.place.key for root in roots)
        raw = {name: str(post[name]) for name in post if name.startswith(keys)}
        return cls(roots, raw, yaml=str(post["_yaml"]) if "_yaml" in post else None, suggest=suggest)

    def tree(self) -> dict[str, Any]:
        """The document that the form says.

        Raises:
            SpecError: the YAML twin is broken or no mapping.
        """
        if self.yaml is not None:
            return self._yaml_tree()
        values = {root.field.name: root.shape.decode(root.place, self.raw) for root in self.roots}
        return {name: value for name, value in values.items() if value is not UNSET}

    def edit(self, action: str) -> None:
        """Change the form's structure as a button asks.

        Args:
            action: ``add:KEY``, ``remove:KEY``, ``set:KEY``, ``unset:KEY``, ``line:KEY=TEXT`` or ``mode:yaml``;
                anything else, such as ``change``, only shows the form anew.
        """
        verb, _, key = action.partition(":")
        match verb:
            case "add":
                found = numbers(self.raw, key) or []
                set_numbers(self.raw, key, [*found, max(found, default=-1) + 1])
            case "remove":
                place, _, number = key.removesuffix("@key").rpartition(".")
                set_numbers(self.raw, place, [n for n in numbers(self.raw, place) or [] if str(n) != number])
                drop(self.raw, f"{place}.{number}")
            case "set":
                self.raw[f"{key}@on"] = "1"
            case "unset":
                self.raw[f"{key}@on"] = ""
            case "line":
                place, _, line = key.partition("=")
                self.raw[place] = "\n".join([*self.raw.get(place, "").splitlines(), line])
            case "mode":
                self._switch(key)

    def choose_kinds(self) -> None:
        """Choose the kind of a required part at the top: the only one, or the one that most people begin with."""
        for root in self.roots:
            field, name = root.field, f"{root.place.key}@kind"
            kinds = [option.kind for option in field.options]
            first = FIRST_KINDS.get(field.name, kinds[0] if len(kinds) == 1 else "")
            if field.type == "union" and field.required and first in kinds and name not in self.raw:
                self.raw[name] = first

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Take over what the engine found."""
        self.problems = tuple(problems)

    @cached_property
    def nodes(self) -> list[Node]:
        """What to draw, one node per root."""
        by_path: dict[str, list[Problem]] = {}
        for problem in self.problems:
            by_path.setdefault(problem.path, []).append(problem)
        state = FormState(self.raw, by_path, self.suggest, catalogue_names())
        return [root.shape.node(root.place, state) for root in self.roots]

    @property
    def by_name(self) -> dict[str, Node]:
        """The nodes by the name of their root."""
        return {root.field.name: node for root, node in zip(self.roots, self.nodes, strict=True)}

    @property
    def listed_problems(self) -> list[tuple[str, str, str]]:
        """All problems with the id of the element that they are about, the path and the message."""
        if self.yaml is not None:
            return [(YAML_ID, problem.path, problem.message) for problem in self.problems]
        ids = {node.place.path: node.id for top in self.nodes for node in reversed(top.walk())}
        return [(_nearest(problem.path, ids), problem.path, problem.message) for problem in self.problems]

    @property
    def lost_problems(self) -> list[Problem]:
        """Problems whose place has no input of its own; the list at the top is then the only place that shows them."""
        shown = {message for top in self.nodes for node in top.walk() for message in node.problems}
        return [problem for problem in self.problems if problem.message not in shown]

    def _yaml_tree(self) -> dict[str, Any]:
        text = self.yaml or ""
        tree = load(text, max_bytes=byte_limit(text))
        if tree is None:
            return {}
        if not isinstance(tree, dict):
            raise SpecError([Problem("", "wrong_type", f"a mapping is needed here; given: {type(tree).__name__}")])
        return tree

    def _switch(self, mode: str) -> None:
        try:
            tree = self.tree()
        except SpecError as error:
            self.refuse(error.problems)
            return
        if mode == "yaml":
            self.yaml = write(tree) if tree else ""
            return
        other = SpecForm.of_tree(self.roots, tree, suggest=self.suggest)
        if other.yaml is None:
            self.raw, self.yaml = other.raw, None
        else:
            self.notes = other.notes


def _nearest(path: str, ids: Mapping[str, str]) -> str:
    while path not in ids and path:
        path = path.rpartition(".")[0]
    return ids.get(path, element_id(""))


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        names = {name for tree in (left, right) for name, value in tree.items() if value is not None and value != {}}
        return all(_same(left.get(name), right.get(name)) for name in names)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
