"""The base of everything that a user can choose or set."""

import inspect
import sys
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Component(BaseModel):
    """A named, validated, immutable building block of an experiment.

    The parameter class *is* the component: ``FedProx(mu=0.1)`` is at once the validated description that stands in a
    spec and the object that runs. A component holds no state; state is passed in and handed back. Every subclass is
    abstract (a family's contract) or final (a member), never both.

    A member declares ``kind: Literal["name"] = "name"`` and a ``source``. The string under a field is its help text: it
    becomes form help, API description and documentation, so it says what the field is, its unit and what its bounds
    mean.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    source: ClassVar[str] = ""
    """Paper, data sheet or standard, with section or equation. Members must set it; a test checks."""

    equation: ClassVar[str] = ""
    """One line of mathematics that says what it does, in Unicode; empty where words do better."""

    reads_costs: ClassVar[bool] = False
    """Whether learning depends on simulated time or energy through this component (then re-costing is refused)."""

    def __init_subclass__(cls, **settings: Any) -> None:
        # The strings under fields are found by the file of the class. Asked for a file that it does not know yet,
        # ``inspect`` looks at every module there is: a fifth of what importing all members takes, without this line.
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        if file:
            inspect.modulesbyfile.setdefault(file, cls.__module__)
        super().__init_subclass__(**settings)

    @property
    def depends_on_costs(self) -> bool:
        """The same for this component as it is set: a field may decide."""
        return self.reads_costs
