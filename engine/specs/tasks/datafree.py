"""Data-free deployment as a task of a spec."""

from engine.datafree.task import Datafree
from engine.task.contract import tasks

tasks.register(Datafree)
