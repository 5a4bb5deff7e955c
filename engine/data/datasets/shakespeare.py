"""Characters of plays, by speaking role."""

import hashlib
from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import DataUnavailable
from engine.core.sample import SampleSpec
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.plays import roles_of, windows
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

CHARACTERS = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The vocabulary; a token is a place in it."""

SIZES: dict[int, tuple[int, int, int]] = {20: (281, 40_862, 10_353), 40: (256, 20_310, 5_212), 80: (232, 10_048, 2_621)}
"""Roles, training and test sequences by length."""

TEXT = RemoteFile(
    name="shakespeare/tinyshakespeare.txt",
    urls=(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
    ),
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    size_bytes=1_115_394,
)


@datasets.register
class Shakespeare(Dataset):
    """Characters of a 1.1 MB excerpt of Shakespeare's plays; the speaking roles are its own clients.

    After each character of a sequence the next one is to be told, so there is one label per position. The speeches of a
    role, joined by line ends, are cut into sequences that follow each other; the first 80 % of a role's sequences are
    for training, the others for testing. Roles with fewer than two sequences are left out; roles of one name in several
    plays are one, since the text does not tell plays apart. Tokens are the 65 characters in the order of their codes.
    """

    source: ClassVar[str] = (
        "H. B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, "
        "AISTATS 2017, section 3 (a client per role); text of the repository karpathy/char-rnn, public domain"
    )
    kind: Literal["shakespeare"] = "shakespeare"

    length: Literal[20, 40, 80] = 80
    """Characters of a sequence; 80 in the paper. Shorter ones give more samples and roles, and train faster."""

    @override
    def sample(self) -> SampleSpec:
        count = len(CHARACTERS)
        return SampleSpec(kind="tokens", shape=(self.length,), num_classes=count, vocabulary=count, per_position=True)

    @override
    def num_samples(self, split: SplitName) -> int:
        return SIZES[self.length][1 if split == "train" else 2]

    @override
    def checksum(self) -> str:
        return hashlib.sha256(f"{TEXT.sha256} {self.length}".encode()).hexdigest()

    @override
    def files(self) -> tuple[RemoteFile, ...]:
        return (TEXT,)

    @property
    @override
    def num_natural_clients(self) -> int:
        return SIZES[self.length][0]

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        text = store.fetch(TEXT).read_text(encoding="ascii")
        code = np.full(128, -1, dtype=np.int64)
        code[np.frombuffer(CHARACTERS.encode(), dtype=np.uint8)] = np.arange(len(CHARACTERS))
        inputs, targets, owners = [], [], []
        cut_roles = [windows(code[np.frombuffer(role.text.encode(), np.uint8)], self.length) for role in roles_of(text)]
        for owner, (x, y) in enumerate(pair for pair in cut_roles if len(pair[0]) >= 2):
            cut = len(x) * 4 // 5
            part = slice(cut) if split == "train" else slice(cut, None)
            inputs.append(x[part])
            targets.append(y[part])
            owners.append(np.full(len(x[part]), owner, dtype=np.int64))
        made = Split(np.concatenate(inputs), np.concatenate(targets), np.concatenate(owners))
        if len(made) != self.num_samples(split):
            raise DataUnavailable(f"{TEXT.name} has {len(made)} {split} sequences, not {self.num_samples(split)}.")
        return made

    @override
    def class_names(self) -> tuple[str, ...]:
        return tuple({"\n": "line end", " ": "blank"}.get(sign, sign) for sign in CHARACTERS)
