"""Federated training as a task of a spec."""

from engine.federated.task import Federated
from engine.task.contract import tasks

tasks.register(Federated)
