import math

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.models.graph import chain
from engine.models.layers import Linear
from engine.training.evaluation import BATCH, evaluate, module_for


def test_accuracy_and_loss_by_hand() -> None:
    graph = chain(SampleSpec(kind="features", shape=(2,), num_classes=2), [("head", Linear(2))])
    module = module_for(graph, {})
    weights = {"head.weight": np.eye(2, dtype=np.float32), "head.bias": np.zeros(2, np.float32)}
    x = np.array([[math.log(3), 0.0], [0.0, math.log(3)]], dtype=np.float32)
    score = evaluate(module, weights, x, np.array([0, 0]))
    assert score.accuracy == 0.5
    assert score.loss == pytest.approx(-(math.log(3 / 4) + math.log(1 / 4)) / 2, abs=1e-6)


def test_batches_cover_every_sample() -> None:
    graph = chain(SampleSpec(kind="features", shape=(1,), num_classes=2), [("head", Linear(2))])
    weights = {"head.weight": np.array([[1.0], [-1.0]], np.float32), "head.bias": np.zeros(2, np.float32)}
    count = 2 * BATCH + 1
    x = np.ones((count, 1), np.float32)
    y = np.zeros(count, np.int64)
    y[-1] = 1
    score = evaluate(module_for(graph, {}), weights, x, y)
    assert score.num_samples == count
    assert score.accuracy == pytest.approx((count - 1) / count, abs=1e-12)
