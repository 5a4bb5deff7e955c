"""Spoken digits of six speakers, as spectrograms."""

import hashlib
import re
from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import DataUnavailable
from engine.core.sample import SampleSpec
from engine.data.archive import Archive
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.remote import RemoteFile
from engine.data.sound import NUM_FRAMES, log_mel, one_second, parse_wav
from engine.data.store import DataStore

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
"""The set's own clients, in this order."""

NUM_SAMPLES: dict[SplitName, int] = {"train": 2700, "test": 300}
TEST_RECORDINGS = 5
"""Recordings 0 .. 4 of each digit and speaker are for testing, as the repository says."""

CONSTANTS: dict[int, tuple[float, float]] = {10: (-8.7569, 6.2029), 20: (-9.1586, 5.8055), 40: (-9.6003, 5.3738)}
"""Mean and standard deviation of the training spectrograms by number of bands."""

NAME = re.compile(r"([^/]+/)*(?P<name>(?P<digit>[0-9])_(?P<speaker>[a-z]+)_(?P<index>[0-9]+)\.wav)")

ARCHIVE = RemoteFile(
    name="spoken_digits/fsdd.zip",
    urls=(
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip",
    ),
    sha256="1a54f3772cacaa6b2551392af37bb78c6fab681de1368d5fe77a76babdf589dc",
    size_bytes=21_446_670,
    content_sha256="44c8e2002eef7b944445e96603c78e68ce69f0a0156657cc7c92e6ed7828925f",
    content_bytes=21_128_848,
    zip_pattern=NAME.pattern,
)


@datasets.register
class SpokenDigits(Dataset):
    """Recordings of spoken English digits, 2,700 for training and 300 for testing, by six speakers: its own clients.

    Each recording is cut or filled up to one second and turned into the logarithm of its energy in mel bands, 49 frames
    of 40 ms every 20 ms (the frames of MLPerf Tiny's keyword spotting), standardized by the mean and standard deviation
    of all training spectrograms. Recordings 0 to 4 of each digit and speaker are the test split.
    """

    source: ClassVar[str] = "Z. Jackson et al., Free Spoken Digit Dataset, v1.0.10, 2020, CC BY-SA 4.0"
    kind: Literal["spoken_digits"] = "spoken_digits"

    bands: Literal[10, 20, 40] = 40
    """Mel bands from 20 Hz to 4 kHz."""

    form: Literal["image", "sequence"] = "image"
    """Whether a sample is an image of one channel, for convolutions, or a sequence of frames, for recurrent cells."""

    @override
    def sample(self) -> SampleSpec:
        frames = (NUM_FRAMES, self.bands)
        return SampleSpec(kind=self.form, shape=(1, *frames) if self.form == "image" else frames, num_classes=10)

    @override
    def num_samples(self, split: SplitName) -> int:
        return NUM_SAMPLES[split]

    @override
    def checksum(self) -> str:
        return hashlib.sha256(f"{ARCHIVE.content_sha256} {self.bands} {self.form}".encode()).hexdigest()

    @override
    def files(self) -> tuple[RemoteFile, ...]:
        return (ARCHIVE,)

    @property
    @override
    def num_natural_clients(self) -> int:
        return len(SPEAKERS)

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        recordings, labels, owners = [], [], []
        with Archive(store.fetch(ARCHIVE)) as archive:
            for name in archive.names:
                found = NAME.fullmatch(name)
                if found is None or (int(found["index"]) < TEST_RECORDINGS) != (split == "test"):
                    continue
                recordings.append(one_second(parse_wav(archive.read(name))))
                labels.append(int(found["digit"]))
                owners.append(SPEAKERS.index(found["speaker"]))
        if len(labels) != NUM_SAMPLES[split]:
            raise DataUnavailable(f"{ARCHIVE.name} has {len(labels)} {split} recordings, not {NUM_SAMPLES[split]}.")
        mean, std = CONSTANTS[self.bands]
        x = (log_mel(np.stack(recordings), self.bands) - np.float32(mean)) / np.float32(std)
        return Split(x.reshape(-1, *self.sample().shape), np.array(labels), np.array(owners))
