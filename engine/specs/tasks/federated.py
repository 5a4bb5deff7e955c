"""Federated training as a task of a spec."""

from engine.federated.task import Federated

__all__ = ["Federated"]
