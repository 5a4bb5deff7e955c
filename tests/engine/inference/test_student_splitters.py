"""The splitters whose pieces are trained: what they declare before any training."""

import json

import pytest
from pydantic import ValidationError

from engine.core.sample import SampleSpec
from engine.inference.nonn.partition_rooms import Room
from engine.inference.splitter import splitters
from engine.models.model import models
from tests.engine.inference.classroom import blocks

CIFAR = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
TEACHER = models["wide_resnet"].model_validate({"kind": "wide_resnet", "depth": 10, "width": 2}).declare(CIFAR)


def splitter(kind: str, **fields):
    return splitters[kind].model_validate_json(json.dumps({"kind": kind, **fields}))


def test_nonn_divides_all_filters_in_fair_numbers_before_training() -> None:
    found = splitter("nonn", num_students=3).split(TEACHER)
    # 128 filters over three students; the head is on the side of who asks.
    assert [message.num_bytes for message in found.messages if message.target == "head"] == [172, 172, 168]
    assert not found.exact
    assert splitter("nonn").needs_training


def test_the_published_messages() -> None:
    teacher = models["wide_resnet"].model_validate({"kind": "wide_resnet", "depth": 10, "width": 4}).declare(CIFAR)
    pieces = splitter("nonn", num_learned=97).split(teacher)
    assert sum(message.num_bytes for message in pieces.messages if message.target == "head") == 388
    assert splitter("nonn", num_students=3, num_learned=8, weights=[1, 1, 2]).sizes(teacher) == (2, 2, 4)
    with pytest.raises(ValidationError, match="3 positive numbers"):
        splitter("nonn", num_students=3, weights=[1, 1])


def test_filters_are_divided_by_number_or_by_links() -> None:
    network = blocks([6, 4], alone=2)
    assert splitter("nonn", num_learned=8).divide(network, 0).sizes == (4, 4)
    assert splitter("nonn").divide(network, 0).groups == (tuple(range(6)), tuple(range(6, 10)))
    assert splitter("nonn", weights=[1, 4], partition={"kind": "contiguous"}).divide(network, 0).sizes == (2, 8)
    assert splitter("nonn").divide(network, 0, [Room(most=3), Room()]).sizes[0] == 3
    slow = splitter("nonn", weights=[1, 4], partition={"kind": "contiguous"})
    assert slow.divide(network, 0, [Room(9.0), Room(9.0, most=7)]).sizes == (3, 7)


def test_students_may_differ() -> None:
    nets = [{"kind": "wide_resnet", "depth": 10}, {"kind": "ds_cnn"}]
    found = splitter("nonn", students=nets).split(TEACHER)
    bytes_ = [piece.parameter_bytes for piece in found.pieces[:2]]
    assert bytes_[0] != bytes_[1]
    with pytest.raises(ValidationError, match="1 network or 3, not 2"):
        splitter("nonn", students=nets, num_students=3)


def test_ensembles_send_logits() -> None:
    found = splitter("ensemble", num_members=3).split(TEACHER)
    assert [message.num_bytes for message in found.messages if message.target == "head"] == [40, 40, 40]
    nets = splitter("ensemble", members=[{"kind": "resnet8"}, {"kind": "ds_cnn"}])
    assert nets.member(CIFAR, 1) == models["ds_cnn"]().declare(CIFAR)
    assert splitter("ensemble", learns_from="labels").transfer.soft_weight == 0.0


def test_what_does_not_fit_is_said() -> None:
    few = models["mlp"].model_validate({"kind": "mlp", "hidden": (5,)}).declare(CIFAR)
    (problem,) = splitter("nonn", num_students=8).check(few)
    assert "8 students cannot learn 5 filters of 5" in problem.message
    (problem,) = splitter("nonn", students=[{"kind": "char_lstm"}]).check(TEACHER)
    assert "takes tokens samples" in problem.message
    assert splitter("nonn").check(TEACHER) == []
