"""What is known of a data-free deployment before it begins."""

from typing import TYPE_CHECKING

from engine.core.json import JsonValue
from engine.core.registry import kind_of
from engine.datafree.agenda import agenda_of
from engine.datafree.contenders import TITLES, baselines_of, contenders_of
from engine.datafree.fleet.deployment import final_of
from engine.datafree.fleet.devices import device_rows
from engine.datafree.metadata import CollectedMetadata, Metadata
from engine.datafree.world import World
from engine.models.graph import Graph
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


def facts_of(task: "Datafree", context: Context) -> dict[str, JsonValue]:
    """Sizes that never change during a run."""
    world = World(task, context)
    found: dict[str, JsonValue] = {
        "num_devices": context.fleet.num_devices,
        "stages": agenda_of(world).stages(),
        "contenders": [
            {"name": name, "title": TITLES[name][0], "role": TITLES[name][1]} for name in contenders_of(task)
        ],
        "final": final_of(task),
        "budget": [
            {"name": name, "devices": device_rows(context, world.expected_graph(name), "fp32")}
            for name in contenders_of(task)
            if name not in baselines_of(task) and name != "quantized"
        ],
        "classes": list(task.dataset.class_names()),
        "num_parameters": world.profile("student").num_parameters,
        "teacher_parameters": world.profile("teacher").num_parameters,
        "num_test_samples": task.dataset.num_samples("test"),
        "metadata": told_of(task.metadata, world.metadata_method, world.teacher_graph),
    }
    if task.synthesizer is not None:
        found["num_images"] = world.num_batches * task.synthesizer.batch_size
        found["num_batches"] = world.num_batches
    return found


def told_of(metadata: Metadata, method: CollectedMetadata, teacher: Graph) -> dict[str, JsonValue]:
    """What is known of metadata from the declaration alone: its size as a file, what it can tell, what is promised.

    Args:
        metadata: as the task names it.
        method: how it is collected, or was.
        teacher: the teacher's network.
    """
    return {
        "kind": kind_of(type(method)),
        "leaks": method.leaks,
        "guarantee": method.guarantee(),
        "num_bytes": method.expected_bytes(teacher) if method.hands_out else 0,
        "is_read": method is not metadata,
    }
