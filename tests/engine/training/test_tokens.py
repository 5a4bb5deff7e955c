"""Language models: integer inputs, and a label for every position."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fedmax import FedMAX
from engine.models.build import build
from engine.models.zoo.char_lstm import CharLstm
from engine.models.zoo.mlp import Mlp
from engine.training.augmentations.flip import Flip
from engine.training.block import BlockJob, Samples, train_block
from engine.training.evaluation import evaluate, mean_features, module_for
from tests.engine.training import worlds

SAMPLE = SampleSpec(kind="tokens", shape=(6,), num_classes=5, vocabulary=5, per_position=True)
GRAPH = CharLstm(embedding=3, hidden=8, num_layers=1).declare(SAMPLE)


def counting(num: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences that count on modulo five from a random start, and what follows each place."""
    start = stream(4, "starts").integers(0, 5, num)[:, np.newaxis]
    x = (start + np.arange(6)) % 5
    return x, (x + 1) % 5


def job(strategy: FedAvg | FedMAX, **settings: float) -> BlockJob:
    """A block of two clients."""
    x, y = counting(40)
    base = worlds.job(strategy, worlds.PER_CLIENT, model=GRAPH, **settings)
    return replace(base, clients=(0, 1), samples=Samples(x, y, [np.arange(25), np.arange(25, 40)]), states={})


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [FedAvg(), FedMAX()])
def test_it_learns_to_count(strategy: FedAvg | FedMAX) -> None:
    """The loss of a first block, with weights at random, is near log 5; after many epochs it is near 0."""
    first = train_block(job(strategy, epochs=1, lr=0.01, batch_size=5, meter=True))
    assert np.allclose(first.losses, np.log(5), atol=0.25)
    assert first.activations is not None
    assert first.activations.shape == (2, 8)
    last = train_block(job(strategy, epochs=40, lr=1.0, batch_size=5))
    assert last.losses.max() < 0.6


def test_evaluation_counts_positions() -> None:
    x, y = counting(30)
    module, weights = module_for(GRAPH, {}), worlds.weights(GRAPH, np.float32)
    score = evaluate(module, weights, x, y)
    with torch.no_grad():
        logits = module(torch.from_numpy(x))
    assert score.num_samples == 30
    assert score.accuracy == pytest.approx(float((logits.argmax(-1).numpy() == y).mean()))
    picked = torch.log_softmax(logits, -1).gather(2, torch.from_numpy(y)[..., None])
    assert score.loss == pytest.approx(-float(picked.mean()), rel=1e-5)


def test_mean_features_are_means_over_positions() -> None:
    x, _ = counting(30)
    module = build(GRAPH)
    weights = {name: torch.from_numpy(value) for name, value in worlds.weights(GRAPH, np.float32).items()}
    found = mean_features(module, weights, torch.from_numpy(x), np.arange(10))
    with torch.no_grad():
        expected = module.features(torch.from_numpy(x[:10])).mean((0, 1))
    assert np.allclose(found, expected.numpy(), atol=1e-6)


def test_augmentation_changes_training_and_follows_seed_client_and_round() -> None:
    """Flip with probability 1 trains on the mirror images; drawn changes are the same whoever computes the client."""
    sample = SampleSpec(kind="image", shape=(1, 3, 4), num_classes=4)
    base = worlds.job(FedAvg(), worlds.PER_CLIENT, model=Mlp(hidden=[6]).declare(sample))
    samples = worlds.samples()
    images = Samples(samples.x.reshape(-1, 1, 3, 4), samples.y, samples.places)
    mirrored = Samples(np.ascontiguousarray(images.x[..., ::-1]), samples.y, samples.places)
    plain = train_block(replace(base, samples=mirrored))
    flipped = train_block(replace(base, samples=images, augment=(Flip(probability=1.0),)))
    assert worlds.largest_difference(plain.summed, flipped.summed) == 0
    half = replace(base, samples=images, augment=(Flip(),))
    assert worlds.largest_difference(train_block(half).summed, train_block(half).summed) == 0
    assert worlds.largest_difference(train_block(half).summed, flipped.summed) > 0
    later = replace(half, round_number=half.round_number + 1)
    assert worlds.largest_difference(train_block(half).summed, train_block(later).summed) > 0
