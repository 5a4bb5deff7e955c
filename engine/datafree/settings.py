"""What can be set of a data-free deployment besides its members: budgets of training, baselines, deployment."""

from typing import Annotated, ClassVar

from pydantic import Field

from engine.core.component import Component
from engine.data.dataset import Dataset, datasets
from engine.datafree.export.files import Format
from engine.training.supervised_settings import DescentSettings


class TeacherTraining(DescentSettings):
    """How the teacher is trained on the private data."""

    source: ClassVar[str] = (
        "L. N. Smith, N. Topin, Super-Convergence, 2019, section 3 (one cycle); C. Szegedy et al., Rethinking the "
        "Inception Architecture, CVPR 2016, section 7 (label smoothing)"
    )

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Passes over the training samples."""

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each label that is spread evenly over all classes, dimensionless."""


class Distillation(DescentSettings):
    """How the student is trained: the same budget for every contender, whatever it learns from."""

    source: ClassVar[str] = (
        "G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, 2015, arXiv 1503.02531"
    )

    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 2000
    """Steps of the optimizer. The student, the oracle and every baseline take so many with the same schedule."""


class BaselineSettings(Component):
    """What stands beside the student: models of its architecture that learn from something else, at equal budget."""

    source: ClassVar[str] = (
        "R. G. Lopes, S. Fenu, T. Starner, Data-Free Knowledge Distillation for Deep Neural Networks, 2017, section 4"
    )

    oracle: bool = True
    """Whether to train one on the private data and its labels, without a teacher: what the student could be."""

    real_distillation: bool = True
    """Whether to distill one from the teacher on the private data."""

    out_of_domain: Annotated[Dataset, datasets.field()] | None = None
    """Another set of images to distill one on; empty for none. Images are brought to the size and channels of the
    private ones."""

    noise: bool = True
    """Whether to distill one on random pixels."""


class ExportSettings(Component):
    """The files in which the final model leaves the platform; each is loaded again and compared with the model."""

    source: ClassVar[str] = "ONNX, Open Neural Network Exchange: intermediate representation and operator specification"

    formats: Annotated[tuple[Format, ...], Field(max_length=3)] = ("safetensors", "onnx")
    """Formats of the model of floats: weights with the network as data (safetensors), ONNX with normalization folded
    in, a program of torch (torch_export, which takes some seconds to make). A quantized model is always an ONNX file of
    whole numbers beside them. None skips the comparison of files."""


class DeploymentSettings(Component):
    """What the devices do with the final model: this is what the ledger counts."""

    source: ClassVar[str] = "This platform: docs/reference/cost-model.md"

    inferences_per_device: Annotated[int, Field(ge=0, le=1_000_000_000)] = 1000
    """Samples that every device classifies after it has received the model."""
