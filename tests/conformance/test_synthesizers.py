"""What every synthesizer must keep, found through the registry."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.datafree.images.views import SynthesisView
from engine.datafree.metadata import CollectedMetadata, metadata
from engine.datafree.owner.metadata_file import MetadataFile
from engine.datafree.synthesizer import Synthesizer, has_batch_norm, synthesizers
from engine.models.profile import profile
from tests.engine.datafree import dreaming

MEMBERS = list(synthesizers.members().items())
every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])

STEPS = 6


def made(member: type[Synthesizer], **fields: object) -> Synthesizer:
    """The member as small as it can be."""
    small = {"batch_size": 8, "steps": STEPS, **fields}
    return member(**{name: value for name, value in small.items() if name in member.model_fields})


def suited(of: Synthesizer) -> MetadataFile | None:
    """Metadata that it can work with."""
    if of.ignores_metadata or "none" in of.metadata_kinds:
        return None
    member = metadata[min(of.metadata_kinds)]
    fields = {"share": 1.0, "num_clusters": 2, "num_components": 2}
    return dreaming.collected(member(**{name: fields[name] for name in fields if name in member.model_fields}))


def chunks(of: Synthesizer, *cuts: int) -> list[int]:
    """Numbers of steps of chunks that begin at these steps."""
    borders = [0, *(cut for cut in cuts if cut < of.steps_per_batch), of.steps_per_batch]
    return [last - first for first, last in pairwise(borders) if last > first]


@every_member
def test_images_lie_in_the_valid_range(member: type[Synthesizer]) -> None:
    of = made(member)
    for done in dreaming.batches(of, suited(of), {0: chunks(of), 1: chunks(of)}):
        assert done.images.shape == (of.batch_size, *dreaming.SAMPLE.shape)
        assert done.images.dtype == torch.float32
        assert torch.isfinite(done.images).all()
        low, high = dreaming.teacher().low, dreaming.teacher().high
        assert (done.images >= low - 1e-5).all()
        assert (done.images <= high + 1e-5).all()
        assert not done.images.requires_grad
        assert done.labels.shape == (of.batch_size,)
        assert done.labels.dtype == torch.int64
        assert ((done.labels >= 0) & (done.labels < 3)).all()


@every_member
def test_where_chunks_are_cut_changes_no_bit(member: type[Synthesizer]) -> None:
    """Every chunk goes through arrays in fresh memory, as after a kill and a resume."""
    of = made(member)
    whole = dreaming.batches(of, suited(of), {0: chunks(of), 1: chunks(of)})
    cut = dreaming.batches(of, suited(of), {0: chunks(of, 1, 4), 1: chunks(of, 3)})
    for one, other in zip(whole, cut, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
        assert one.kept.keys() == other.kept.keys()
        assert all(torch.equal(tensor, other.kept[name]) for name, tensor in one.kept.items())


@every_member
def test_a_chunk_leaves_what_it_was_given_as_it_was(member: type[Synthesizer]) -> None:
    of = made(member)
    seen = dreaming.view(of, suited(of))
    working = of.begin(seen, 0, {})
    before = {name: tensor.clone() for name, tensor in working.items()}
    of.advance(seen, working, 0, of.steps_per_batch)
    assert working.keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in working.items())


@every_member
def test_same_seed_same_images(member: type[Synthesizer]) -> None:
    of = made(member)
    first, again, other = (dreaming.batches(of, suited(of), {0: chunks(of)}, seed)[0].images for seed in (9, 9, 10))
    assert torch.equal(first, again)
    if member.model_fields["kind"].default != "out_of_domain":
        assert not torch.equal(first, other)


@every_member
def test_batches_differ(member: type[Synthesizer]) -> None:
    of = made(member)
    if member.model_fields["kind"].default == "out_of_domain":
        pytest.skip("the pool of this test holds one image many times")
    first, second = dreaming.batches(of, suited(of), {0: chunks(of), 1: chunks(of)})
    assert not torch.equal(first.images, second.images)


@every_member
def test_nothing_but_what_was_handed_out_is_read(member: type[Synthesizer]) -> None:
    """The view that a synthesizer gets holds no way to private samples; and global generators are left alone."""
    assert {"teacher", "student", "metadata", "sample", "pool", "seed", "batch"} == set(
        SynthesisView.__dataclass_fields__
    )
    of = made(member)
    dreaming.teacher(), dreaming.student()  # a fresh module of torch draws its weights, which are then replaced
    before = torch.get_rng_state().clone(), np.random.get_state()[1].copy()  # noqa: NPY002 -- to see that it stays
    dreaming.batches(of, suited(of), {0: chunks(of)})
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


@every_member
def test_the_teacher_stays_as_it_was(member: type[Synthesizer]) -> None:
    of = made(member)
    dreaming.batches(of, suited(of), {0: chunks(of)})
    state: Mapping[str, torch.Tensor] = dreaming.teacher().module.state_dict()
    for name, array in dreaming.weights(dreaming.graph()).items():
        if name in state:
            assert np.array_equal(state[name].numpy(), array)
    assert all(parameter.grad is None for parameter in dreaming.teacher().module.parameters())


@every_member
def test_loss_terms_are_finite_numbers(member: type[Synthesizer]) -> None:
    of = made(member)
    seen = dreaming.view(of, suited(of))
    _, losses = of.advance(seen, of.begin(seen, 0, {}), 0, of.steps_per_batch)
    assert bool(losses) == (of.steps_per_batch > 0)
    assert all(isinstance(value, float) and np.isfinite(value) for value in losses.values())


@every_member
def test_wrong_metadata_and_teachers_are_told(member: type[Synthesizer]) -> None:
    of = made(member)
    with_norms, without = dreaming.graph(), dreaming.graph(norms=False)
    collected = {kind: cls for kind, cls in metadata.members().items() if issubclass(cls, CollectedMetadata)}
    for kind, cls in collected.items():
        fits = of.ignores_metadata or kind in of.metadata_kinds
        assert bool(of.check(cls(), with_norms)) != fits
    fitting = next(cls() for kind, cls in collected.items() if of.ignores_metadata or kind in of.metadata_kinds)
    assert not has_batch_norm(without)
    assert bool(of.check(fitting, without)) == of.matches_batch_norm


@every_member
def test_batches_and_work_are_counted(member: type[Synthesizer]) -> None:
    of = made(member)
    assert [of.num_batches(count) for count in (1, 8, 9)] == [1, 1, 2]
    macs = of.step_macs(profile(dreaming.graph()), profile(dreaming.graph(norms=False)))
    assert (macs > 0) == (of.steps_per_batch > 0)
