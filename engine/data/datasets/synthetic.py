"""Generated clients whose models and inputs differ by two parameters; each is made when it is needed."""

import hashlib
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.dataset import ClientData, Dataset, Split, SplitName, datasets
from engine.data.store import DataStore

GENERATOR_VERSION = 1
"""Part of the checksum; raised by any change of what the generator yields."""

POOL_LIMIT_BYTES = 4 << 30
"""Most bytes of inputs that :meth:`Synthetic.load` puts together; single clients are made without a limit."""

TRAIN_SHARE = 0.9
"""Share of a client's samples that it trains on, as in the authors' code."""


class TooLarge(EngineError):
    """All clients together are too much to hold at once."""

    code = "too_large"


@datasets.register
class Synthetic(Dataset):
    """Generated classification data, with clients of its own and two knobs for how much they differ.

    Client k has the model y = argmax(x W + b), with entries of W and b drawn from N(u_k, 1), u_k from N(0, alpha). Its
    inputs are drawn from N(v_k, diag(j^-1.2)), entries of v_k from N(B_k, 1), B_k from N(0, beta). As in the authors'
    code, alpha and beta are standard deviations, and 90 % of a client's samples are for training. Inputs are not
    standardized. Every client's samples come from a random stream of its own, so a million clients cost nothing until
    they are used.
    """

    source: ClassVar[str] = (
        "T. Li et al., Federated Optimization in Heterogeneous Networks, MLSys 2020, section 5.1 and appendix C.1"
    )
    kind: Literal["synthetic"] = "synthetic"

    alpha: float = Field(default=1.0, ge=0, le=100)
    """How much the clients' models differ, dimensionless; 0: their entries have one mean."""

    beta: float = Field(default=1.0, ge=0, le=100)
    """How much the clients' inputs differ, dimensionless; 0: their means have one mean."""

    iid: bool = False
    """Whether all clients have one model and one law of inputs; then alpha and beta have no effect."""

    num_clients: int = Field(default=30, ge=1, le=10_000_000)
    """Number of clients."""

    num_features: int = Field(default=60, ge=1, le=4096)
    """Length of an input."""

    num_classes: int = Field(default=10, ge=2, le=1000)
    """Number of classes."""

    min_samples: int = Field(default=50, ge=2, le=1_000_000)
    """Least number of samples of a client; what is drawn comes on top."""

    size_log_mean: float = Field(default=4.0, ge=-10, le=12)
    """Mean of the logarithm of the drawn number of samples."""

    size_log_std: float = Field(default=2.0, ge=0, le=3)
    """Standard deviation of the logarithm of the drawn number of samples; 0 gives clients of equal size."""

    max_samples: int | None = Field(default=None, ge=2)
    """Most samples of a client, at least ``min_samples``; empty for no limit."""

    test_clients: int = Field(default=1000, ge=1, le=100_000)
    """The test split is put together from at most this many clients, evenly spaced over all."""

    data_seed: int = Field(default=0, ge=0)
    """Seed of the data; runs with different seeds see the same data."""

    @override
    def sample(self) -> SampleSpec:
        return SampleSpec(kind="features", shape=(self.num_features,), num_classes=self.num_classes)

    @override
    def checksum(self) -> str:
        text = f"synthetic {GENERATOR_VERSION} {self.model_dump_json()}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    @override
    def num_natural_clients(self) -> int:
        return self.num_clients

    @override
    def num_samples(self, split: SplitName) -> int:
        return int(self._part_sizes(split).sum())

    @override
    def client_sizes(self, store: DataStore) -> np.ndarray:
        return self._part_sizes("train")

    @override
    def owners(self, store: DataStore, split: SplitName) -> np.ndarray:
        return np.repeat(self._members(split), self._part_sizes(split))

    @override
    def client(self, store: DataStore, client: int) -> ClientData:
        return self._client(client, int(self._sizes()[client]))

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        num_bytes = 4 * self.num_samples(split) * self.num_features
        if num_bytes > POOL_LIMIT_BYTES:
            raise TooLarge(
                f"The {split} parts of all clients would take {num_bytes / 1e9:.1f} GB at once.",
                remedy="Use its clients one by one (partition natural), or lower num_clients or max_samples.",
            )
        sizes = self._sizes()
        clients = (self._client(int(member), int(sizes[member])) for member in self._members(split))
        parts = [client.train if split == "train" else client.test for client in clients]
        present = [part for part in parts if part is not None]
        return Split(np.concatenate([part.x for part in present]), np.concatenate([part.y for part in present]))

    def _members(self, split: SplitName) -> np.ndarray:
        """The clients that a split is put together from, increasing."""
        count = self.num_clients if split == "train" else min(self.num_clients, self.test_clients)
        return np.arange(count, dtype=np.int64) * self.num_clients // count

    def _sizes(self) -> np.ndarray:
        """Samples of every client, (num_clients,) int64."""
        return _sizes_of(self)

    def _part_sizes(self, split: SplitName) -> np.ndarray:
        sizes = self._sizes()[self._members(split)]
        train: np.ndarray = (TRAIN_SHARE * sizes).astype(np.int64)
        test: np.ndarray = sizes - train
        return train if split == "train" else test

    def _client(self, client: int, size: int) -> ClientData:
        x, y = self._draw(client, size)
        cut = int(TRAIN_SHARE * size)
        return ClientData(train=Split(x[:cut], y[:cut]), test=Split(x[cut:], y[cut:]))

    def _draw(self, client: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (n, F) float32 and labels (n,) int64 of one client."""
        F, K = self.num_features, self.num_classes
        generator = stream(self.data_seed, "synthetic", "client", client)
        law = stream(self.data_seed, "synthetic", "shared") if self.iid else generator
        model_mean = 0.0 if self.iid else law.normal(0, self.alpha)
        input_mean = np.zeros(F) if self.iid else law.normal(law.normal(0, self.beta), 1, F)
        W_FK, b_K = law.normal(model_mean, 1, (F, K)), law.normal(model_mean, 1, K)
        scale_F = np.arange(1, F + 1) ** -0.6  # the square root of the variances j^-1.2
        x_NF = input_mean + scale_F * generator.standard_normal((size, F))
        return x_NF.astype(np.float32), np.argmax(x_NF @ W_FK + b_K, axis=1).astype(np.int64)


@lru_cache(maxsize=8)
def _sizes_of(synthetic: Synthetic) -> np.ndarray:
    """Samples of every client, read-only: one draw for all, since a stream for each would take seconds."""
    generator = stream(synthetic.data_seed, "synthetic", "sizes")
    drawn = generator.lognormal(synthetic.size_log_mean, synthetic.size_log_std, synthetic.num_clients)
    limit = synthetic.max_samples or np.iinfo(np.int64).max
    sizes: np.ndarray = np.minimum(drawn.astype(np.int64) + synthetic.min_samples, limit)
    sizes.flags.writeable = False
    return sizes
