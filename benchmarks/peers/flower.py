"""Flower's simulation engine on the given work: federated averaging by its own strategy, clients on two Ray actors.

Flower draws which nodes take part itself; here the strategy names them, so that the cohorts are everybody's. What a
client trains on follows from the round and its place in the cohort, which the message carries.
"""

import importlib
import os

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from benchmarks.peers.given import Clock, Given, folder, train

client_app, server_app = ClientApp(), ServerApp()
_kept: dict[str, Any] = {}


def _given() -> tuple[Given, torch.nn.Module]:
    """The work and a module, once per process."""
    if not _kept:
        torch.set_num_threads(1)
        _kept["given"] = Given.read(folder())
        _kept["module"] = _kept["given"].module()
    return _kept["given"], _kept["module"]


@client_app.train()
def fit(message: Message, context: Context) -> Message:
    """Train one client of the cohort."""
    given, module = _given()
    config: Any = message.content["config"]
    arrays: Any = message.content["arrays"]
    module.load_state_dict(arrays.to_torch_state_dict())
    x, y = given.samples(int(config["round"]), int(config["place"]))
    train(module, x, y, given)
    content = {"arrays": ArrayRecord(module.state_dict()), "metrics": MetricRecord({"num-examples": len(y)})}
    return Message(content=RecordDict(content), reply_to=message)


class NamedCohorts(FedAvg):
    """Federated averaging over the given cohorts."""

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """One message to each client of the round's cohort."""
        nodes = sorted(grid.get_node_ids())
        cohort = _given()[0].cohorts[server_round - 1]
        for place, client in enumerate(cohort):
            task = ConfigRecord({"round": server_round - 1, "place": place})
            yield Message(
                content=RecordDict({"arrays": arrays, "config": task}), message_type="train", dst_node_id=nodes[client]
            )


@server_app.main()
def serve(grid: Grid, context: Context) -> None:
    """All rounds; the clock is read where the server would evaluate."""
    given, module = _given()
    clock, wanted = Clock(), int(os.environ["EDGELOOM_PEER_CLIENTS"])
    while len(list(grid.get_node_ids())) < wanted:
        time.sleep(0.1)

    def mark(server_round: int, arrays: ArrayRecord) -> MetricRecord | None:
        clock.mark()
        return None

    strategy = NamedCohorts(fraction_evaluate=0.0)
    result = strategy.start(
        grid, ArrayRecord(module.state_dict()), num_rounds=len(given.cohorts), evaluate_fn=mark, timeout=600
    )
    clock.report([np.asarray(array) for array in result.arrays.to_numpy_ndarrays()])


def simulate() -> None:
    """Run it."""
    run_simulation(
        server_app,
        client_app,
        num_supernodes=int(os.environ["EDGELOOM_PEER_CLIENTS"]),
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"num_cpus": 2, "include_dashboard": False},
        },
    )


if __name__ == "__main__":
    # The apps of the imported module travel to the actors by name; those of __main__ would be sent with all that this
    # process has loaded, in every message.
    importlib.import_module("benchmarks.peers.flower").simulate()
