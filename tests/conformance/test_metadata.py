"""What every kind of metadata must keep, found through the registry."""

import dataclasses

import numpy as np
import pytest

from engine.core.streams import stream
from engine.data.dataset import Split
from engine.datafree.metadata import NO_GUARANTEE, CollectedMetadata, metadata
from engine.datafree.owner.metadata_file import MetadataError, check_layout, pack, unpack
from tests.engine.datafree import dreaming

MEMBERS = [(kind, cls) for kind, cls in metadata.members().items() if issubclass(cls, CollectedMetadata)]
every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])


def made(member: type[CollectedMetadata], **fields: object) -> CollectedMetadata:
    """The member with settings that suit 180 samples of three classes and six features."""
    suited = {"share": 1.0, "num_clusters": 2, "num_components": 3, **fields}
    return member(**{name: value for name, value in suited.items() if name in member.model_fields})


class Guarded(Split):
    """Private samples that may not be touched."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"private samples were read: {name}")


@every_member
def test_size_and_layout_are_known_before_anything_is_collected(member: type[CollectedMetadata]) -> None:
    for settings in variants(member):
        file = dreaming.collected(settings)
        check_layout(file, dreaming.graph())
        assert len(pack(file)) == settings.expected_bytes(dreaming.graph())


@every_member
def test_a_file_comes_back_as_it_was(member: type[CollectedMetadata]) -> None:
    for settings in variants(member):
        file = dreaming.collected(settings)
        content = pack(file)
        again = unpack(content)
        assert (again.settings, again.teacher, again.num_samples) == (settings, file.teacher, 180)
        assert again.sample == dreaming.SAMPLE
        assert {name: array.tobytes() for name, array in again.tensors.items()} == {
            name: array.tobytes() for name, array in file.tensors.items()
        }
        assert pack(again) == content


@every_member
def test_same_stream_same_bytes(member: type[CollectedMetadata]) -> None:
    for settings in variants(member):
        assert pack(dreaming.collected(settings)) == pack(dreaming.collected(settings))


@every_member
def test_private_samples_are_read_by_collect_alone(member: type[CollectedMetadata]) -> None:
    guarded = object.__new__(Guarded)
    settings = made(member)
    settings.expected_bytes(dreaming.graph())
    settings.check(dreaming.graph(), 180)
    if settings.reads_data:
        with pytest.raises(AssertionError, match="private samples were read"):
            settings.collect(dreaming.teacher(), guarded, stream(3, "metadata"))
    else:
        settings.collect(dreaming.teacher(), guarded, stream(3, "metadata"))


@every_member
def test_no_array_is_as_long_as_the_data(member: type[CollectedMetadata]) -> None:
    """Statistics, not samples: what is kept does not grow with the number of private samples."""
    settings = made(member)
    sizes = [
        {
            name: array.shape
            for name, array in settings.collect(
                dreaming.teacher(), dreaming.samples(count), stream(3, "metadata")
            ).items()
        }
        for count in (180, 360)
    ]
    assert sizes[0] == sizes[1]


@every_member
def test_what_leaks_is_said_and_noise_has_its_epsilon(member: type[CollectedMetadata]) -> None:
    settings = made(member)
    assert settings.leaks.endswith(".")
    assert settings.epsilon() is None
    assert settings.guarantee() == NO_GUARANTEE
    if "noise" in member.model_fields:
        noisy = made(member, noise={"noise_multiplier": 3.0, "clip_norm": 4.0, "delta": 1e-4})
        assert 0 < noisy.epsilon() < 20
        assert "differential privacy" in noisy.guarantee()
        assert "seed" in noisy.guarantee()  # who knows it can take the noise off again
        quieter = made(member, noise={"noise_multiplier": 6.0, "clip_norm": 4.0, "delta": 1e-4})
        assert quieter.epsilon() < noisy.epsilon()


@every_member
def test_damaged_files_are_refused(member: type[CollectedMetadata]) -> None:
    content = pack(dreaming.collected(made(member)))
    for bad in (b"", b"nonsense", content[: len(content) // 2], content[:100]):
        with pytest.raises(MetadataError):
            unpack(bad)


@every_member
def test_a_file_of_another_teacher_is_refused(member: type[CollectedMetadata]) -> None:
    file = dreaming.collected(made(member))
    if not file.tensors:
        pytest.skip("there is nothing in the file that could differ")
    wrong = dataclasses.replace(file, tensors={name: np.zeros(3, dtype=np.float32) for name in file.tensors})
    with pytest.raises(MetadataError, match="does not fit"):
        check_layout(wrong, dreaming.graph())


def variants(member: type[CollectedMetadata]) -> list[CollectedMetadata]:
    """The member plainly and, where it can, with noise."""
    if "noise" not in member.model_fields:
        return [made(member)]
    return [made(member), made(member, noise={"noise_multiplier": 1.0, "clip_norm": 3.0})]
