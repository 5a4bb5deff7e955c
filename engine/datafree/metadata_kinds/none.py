"""No metadata: the weights are all that is handed out."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.data.dataset import Split
from engine.datafree.metadata import CollectedMetadata, Layout, metadata
from engine.models.graph import Graph

if TYPE_CHECKING:
    from engine.datafree.images.views import TeacherView


@metadata.register
class NoMetadata(CollectedMetadata):
    """Nothing beside the model itself."""

    source: ClassVar[str] = "H. Chen et al., Data-Free Learning of Student Networks, ICCV 2019: the weights are enough"
    leaks: ClassVar[str] = "Nothing beyond what the weights themselves tell, which can be much of single samples."
    reads_data: ClassVar[bool] = False
    hands_out: ClassVar[bool] = False
    kind: Literal["none"] = "none"
    """The weights alone."""

    @override
    def collect(self, teacher: "TeacherView", samples: Split, draw: np.random.Generator) -> dict[str, np.ndarray]:
        return {}

    @override
    def layout(self, graph: Graph) -> Layout:
        return {}
