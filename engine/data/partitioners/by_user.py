"""Whole users per client: a speaker's or role's samples are never torn apart."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import Problem, SpecError
from engine.core.streams import stream
from engine.data.dataset import Dataset
from engine.data.partitioner import DrawnPartitioner, partitioners


@partitioners.register
class ByUser(DrawnPartitioner):
    """Each client holds all samples of one or several of the data set's own clients: speakers, roles, users.

    With as many clients as users each client is one user, in random order. With fewer, users are dealt in random order,
    so clients hold groups of users whose numbers differ by one at most; how many samples they hold follows from the
    users. Nobody's samples are divided, so more clients than users are an error.
    """

    source: ClassVar[str] = "S. Caldas et al., LEAF: A Benchmark for Federated Settings, 2018, arXiv 1812.01097"
    needs_owners: ClassVar[bool] = True
    kind: Literal["by_user"] = "by_user"

    @override
    def assign(self, labels: np.ndarray, num_clients: int, seed: int, owners: np.ndarray | None) -> np.ndarray:
        assert owners is not None
        users, places = np.unique(owners, return_inverse=True)
        if problems := _too_few_users(len(users), num_clients):
            raise SpecError(problems)
        client_of_user = stream(seed, "partition").permutation(len(users)) % num_clients
        return client_of_user[places]

    @override
    def unsuited(self, dataset: Dataset, num_clients: int) -> list[Problem]:
        return _too_few_users(dataset.num_natural_clients or 0, num_clients)


def _too_few_users(num_users: int, num_clients: int) -> list[Problem]:
    if num_clients <= num_users:
        return []
    message = (
        f"The data set has {num_users} users for {num_clients} clients, and a user is never divided; take at most "
        f"{num_users} devices, or set num_parts to at most {num_users} and data_reuse to true."
    )
    return [Problem("", "too_few_clients", message)]
