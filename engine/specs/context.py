"""The world of a run made from its spec."""

from engine.core.allowance import Allowance
from engine.core.home import home_folder
from engine.core.threads import Team
from engine.costs.model import CostModel
from engine.data.store import DataStore
from engine.specs.experiment import ExperimentSpec
from engine.task.artifacts import ArtifactFolder
from engine.task.context import ArtifactResolver, BlockExecutor, Context
from engine.task.local import LocalExecutor


def make_context(
    spec: ExperimentSpec,
    seed: int,
    *,
    store: DataStore | None = None,
    artifacts: ArtifactResolver | None = None,
    executor: BlockExecutor | None = None,
    allowance: Allowance | None = None,
) -> Context:
    """The context of the run of a spec with one seed; reads no data and loads no torch.

    Args:
        spec: an experiment without a sweep.
        seed: seed of the run.
        store: data sets' place; by default what the environment names.
        artifacts: artifacts' place; by default the platform's folder.
        executor: computes blocks; by default this process.
        allowance: what may be computed to foresee the run; by default all that it takes.
    """
    fleet = spec.fleet.resolve()
    network = spec.network.resolve(fleet, seed)
    return Context(
        seed=seed,
        fleet=fleet,
        network=network,
        cost_model=CostModel(fleet, network, method=spec.execution.costs, seed=seed),
        store=store or DataStore.from_environment(),
        artifacts=artifacts or ArtifactFolder(home_folder() / "artifacts"),
        executor=executor or LocalExecutor(),
        team=Team(spec.execution.threads),
        allowance=allowance,
    )
