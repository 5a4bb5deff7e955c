"""What can be wrong with a distributed inference, told before anything is loaded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.core.allowance import NotForeseen
from engine.core.errors import EngineError, Problem
from engine.datafree.checks import below
from engine.inference.nonn.rivals import RivalSettings
from engine.inference.placer import NoPlan
from engine.inference.plans.prices import MOST_NODES
from engine.inference.splitters.nonn import NonnSplitter
from engine.inference.world import world_of
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.inference.task import Inference


def problems_of(task: "Inference", context: Context) -> list[Problem]:
    """All problems, paths relative to the task; whether there is a plan is asked once all else is right."""
    if unknown := below("dataset", task.dataset.check()):
        return unknown  # an upload that is not here has no shape that anything else could be checked against
    return problems_before_plan(task, context) or [*_plan(task, context)]


def problems_before_plan(task: "Inference", context: Context) -> list[Problem]:
    """What is wrong whatever the plan, once the data set is known; whoever looks at plans wants to see those that break
    a rule as well.
    """
    return [*_network(task, context), *_groups(task, context), *_members(task)]


def _network(task: "Inference", context: Context) -> list[Problem]:
    sample = task.dataset.sample()
    unfit = below("teacher", task.teacher.check(sample, context.artifacts))
    return unfit or below("splitter", task.splitter.check(world_of(task, context).graph))


def _groups(task: "Inference", context: Context) -> Iterator[Problem]:
    """Names of groups that are not there, and fleets that are too large."""
    names = context.fleet.names
    places = {"origin": task.origin, "sink": task.sink, "cloud": task.cloud}
    places |= {f"failures.by_group.{name}": name for name in task.failures.by_group}
    for path, name in places.items():
        if name is not None and name not in names:
            message = f"the fleet has no group {name!r}; allowed are {', '.join(names)}"
            yield Problem(path, "unknown_group", message)
    if context.fleet.num_devices > MOST_NODES:
        message = (
            f"a plan chooses from at most {MOST_NODES} devices, and the fleet has {context.fleet.num_devices}; take "
            "fewer devices"
        )
        yield Problem("placer", "too_many_devices", message)


def _members(task: "Inference") -> Iterator[Problem]:
    if task.baselines != RivalSettings() and not isinstance(task.splitter, NonnSplitter):
        yield Problem("baselines", "not_read", "baselines stand beside a network of students: choose the splitter nonn")
    if task.objective not in task.placer.objectives:
        known = ", ".join(task.placer.objectives)
        yield Problem("objective", "not_known", f"this placer knows {known}; given: {task.objective}")


def _plan(task: "Inference", context: Context) -> Iterator[Problem]:
    """Why there is no plan, or no price of one; nothing where that takes longer to find out than may be computed."""
    try:
        planning = world_of(task, context).planning
        planning.refuse_long()
        if wrong := task.placer.problems(planning.problem):
            yield from below("placer", wrong)
            return
        assert planning.plans
    except NotForeseen:
        return
    except NoPlan as error:
        yield Problem("placer", error.code, f"{error} {error.remedy}".rstrip())
    except EngineError as error:
        yield Problem("placer", error.code, str(error))
