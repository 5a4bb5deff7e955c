"""Networks of students: the published counts, and that what students compute apart is what they compute together."""

import numpy as np
import pytest
import torch

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.datafree.export.files import export
from engine.datafree.export.runner import load as load_file
from engine.inference.cuts.execution import execute
from engine.inference.cuts.pieces import SOURCE
from engine.inference.nonn.students import (
    HEAD,
    StudentNetwork,
    body_end,
    ensemble_students,
    ensemble_weights,
    knowledge_students,
    num_filters,
    pooled,
)
from engine.models.build import build
from engine.models.graph import Graph, chain
from engine.models.layers import Embedding, Linear
from engine.models.model import models
from engine.models.model_file import ModelCard
from engine.models.profile import profile
from engine.models.weights import initial
from engine.training.arrays import as_tensors, load

CIFAR = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
SMALL = SampleSpec(kind="image", shape=(3, 16, 16), num_classes=10)


def declared(kind: str, sample: SampleSpec = SMALL, **fields) -> Graph:
    return models[kind](kind=kind, **fields).declare(sample)


def parameters(network: StudentNetwork, branch: int) -> int:
    names = network.branches[branch].node_names
    infos = [info for info in network.graph.parameters() if info.name.partition(".")[0] in names]
    return sum(info.num_elements for info in infos if not info.is_buffer)


def test_published_counts_come_out() -> None:
    teacher = declared("wide_resnet", CIFAR, depth=40, width=4, variant="nonn_framework")
    assert teacher.num_parameters == 8_955_050
    assert num_filters(teacher) == 256
    student = declared("wide_resnet", CIFAR, depth=16, width=1, variant="nonn_framework")
    network = knowledge_students(CIFAR, [student, student], [49, 48])
    assert parameters(network, 0) == 178_082
    # One filter less: 64 weights of the bridge and 2 of its normalization.
    assert parameters(network, 1) == 178_082 - 66
    head = [info.num_elements for info in network.graph.parameters() if info.name.startswith(f"{HEAD}.")]
    assert sum(head) == 980
    sent = [message.num_bytes for message in network.pieces().messages if message.target == HEAD]
    assert sent == [196, 192]
    assert sum(sent) == 388


def mixed() -> StudentNetwork:
    """Students of three kinds: one that normalizes before it sums, one after, and one without pictures at its end."""
    bodies = [declared("wide_resnet", depth=10), declared("ds_cnn", channels=8), declared("lenet5")]
    return knowledge_students(SMALL, bodies, [5, 3, 4])


def inputs() -> torch.Tensor:
    return torch.from_numpy(np.random.Generator(np.random.PCG64(1)).normal(size=(6, 3, 16, 16)).astype(np.float32))


def module_of(graph: Graph, weights):
    module = build(graph)
    load(module, as_tensors(weights))
    return module.eval()


def test_students_apart_are_the_network_together() -> None:
    network, x = mixed(), inputs()
    weights = initial(network.graph, 3)
    whole = module_of(network.graph, weights)
    with torch.no_grad():
        logits, features = whole.forward_with_features(x)
        shares = torch.zeros_like(logits)
        for number, place in enumerate(network.slices):
            alone = module_of(network.student(number), network.student_weights(number, weights))
            assert torch.allclose(alone.features(x), features[:, place], atol=1e-6)
            shares += alone(x)
    assert torch.allclose(shares + torch.from_numpy(weights[f"{HEAD}.bias"]), logits, atol=1e-5)
    assert torch.allclose(execute(whole, network.pieces(), x), logits, atol=1e-5)


def test_pieces_are_students_that_send_nothing_but_their_filters() -> None:
    network = mixed()
    found = network.pieces()
    assert [piece.name for piece in found.pieces] == ["student0", "student1", "student2", HEAD]
    assert [piece.pinned for piece in found.pieces] == [None, None, None, "sink"]
    assert not found.exact
    sent = {(message.source, message.target): message.num_bytes for message in found.messages}
    image = 3 * 16 * 16 * 4
    assert sent == {
        (SOURCE, "student0"): image,
        (SOURCE, "student1"): image,
        (SOURCE, "student2"): image,
        ("student0", HEAD): 20,
        ("student1", HEAD): 12,
        ("student2", HEAD): 16,
        (HEAD, "sink"): 40,
    }
    assert found.total_macs == profile(network.graph).total_macs
    assert found.parameter_bytes == network.graph.parameter_bytes


def test_bridges_read_the_last_picture() -> None:
    assert body_end(declared("wide_resnet", depth=10)) == "group3_block1_sum"
    assert body_end(declared("resnet8")) == "block3_relu2"
    assert body_end(declared("lenet5")) == "act4"
    with pytest.raises(EngineError, match="time axis"):
        body_end(
            chain(SampleSpec(kind="tokens", shape=(8,), num_classes=20), [("a", Embedding(20, 4)), ("b", Linear(20))])
        )


def test_filters_of_a_flattened_picture_are_its_channels() -> None:
    graph = declared("fedmax_cnn", CIFAR)
    count = num_filters(graph)
    size = graph.shapes()[graph.features][0] // count
    features = np.tile(np.repeat(np.arange(count) - 1.0, size), (2, 1)).astype(np.float32)
    assert np.array_equal(pooled(graph, features), np.tile(np.maximum(np.arange(count) - 1.0, 0.0), (2, 1)))
    flat = declared("mlp")
    assert num_filters(flat) == 200


def test_one_student_needs_no_joining() -> None:
    network = knowledge_students(SMALL, [declared("resnet8")], [7])
    assert network.graph.features == "student0_bridge_pool"
    assert [message.num_bytes for message in network.pieces().messages] == [3072, 28, 40]


def test_an_ensemble_averages_logits() -> None:
    members = [declared("ds_cnn", channels=8), declared("mlp", hidden=[6])]
    network, x = ensemble_students(SMALL, members), inputs()
    weights = [initial(member, seed) for seed, member in enumerate(members)]
    with torch.no_grad():
        wanted = (module_of(members[0], weights[0])(x) + module_of(members[1], weights[1])(x)) / 2
        found = module_of(network.graph, ensemble_weights(network, weights))(x)
    assert torch.allclose(found, wanted, atol=1e-5)
    assert [message.num_bytes for message in network.pieces().messages if message.target == HEAD] == [40, 40]


def test_every_student_leaves_as_a_file_of_its_own() -> None:
    network = knowledge_students(SMALL, [declared("ds_cnn", channels=8), declared("mlp", hidden=[6])], [5, 3])
    weights, x = initial(network.graph, 3), inputs()
    total = np.tile(weights[f"{HEAD}.bias"], (6, 1))
    for number in range(2):
        card = ModelCard(network.student(number))
        (file,) = export("student", network.student_weights(number, weights), card, ("onnx",))
        total += load_file(file)(x.numpy())
    with torch.no_grad():
        assert np.allclose(total, module_of(network.graph, weights)(x).numpy(), atol=1e-5)
