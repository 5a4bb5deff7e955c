"""Distributed inference as a task of a spec."""

from engine.inference.task import Inference
from engine.task.contract import tasks

tasks.register(Inference)
