"""The contrastive term: two views of one image are alike, different images are not."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional

from engine.datafree.generation.generating import stored, trained_of
from engine.datafree.images.views import SynthesisView
from engine.datafree.learning.adam import Trained

WIDTH = 128
"""Length of a projected feature, as is usual for contrastive learning (T. Chen et al., SimCLR, ICML 2020)."""

PREFIX, LAYERS = "projection.", ("projection.hidden", "projection.out")
SMALLEST_CUT = 0.6
"""Smallest side of a cut-out, as a share of the image's."""


def new_projection(view: SynthesisView) -> dict[str, Tensor]:
    """Working tensors of a new projection, two linear layers with a ReLU between them, and an empty memory."""
    size = view.teacher.module.graph.shapes()[view.teacher.graph.features][-1]
    found = {"memory": torch.zeros(0, size)}
    for name, (rows, columns) in zip(LAYERS, ((WIDTH, size), (WIDTH, WIDTH)), strict=True):
        values = view.normal((rows, columns), name) / sqrt(columns)
        found.update(stored(name, Trained.fresh(values)))
    return found


def projection_of(working: Mapping[str, Tensor]) -> dict[str, Trained]:
    """Copies of the projection's layers, to be trained."""
    return {name: trained_of(working, name) for name in LAYERS}


def is_projection(name: str) -> bool:
    """Whether a working tensor belongs to the projection."""
    return name.startswith(PREFIX)


@dataclass(frozen=True)
class Contrast:
    """The contrastive term of one batch.

    Attributes:
        view: teacher and random streams.
        layers: layers of the projection by name.
        memory: (M, d) features of earlier images.
        temperature: divides the similarities.
    """

    view: SynthesisView
    layers: Mapping[str, Trained]
    memory: Tensor
    temperature: float

    def term(self, images: Tensor, features: Tensor, step: int) -> Tensor:
        """Mean over the batch of -log of the share of the own other view among all candidates.

        The candidates of an image are its cut-out, the cut-outs of the others and the remembered images. Gradient flows
        into both views, since both are of the images that are being made, and into the projection.

        Source: G. Fang et al., Contrastive Model Inversion, IJCAI 2021, section 3: contrastive loss; form of A. van den
        Oord et al., 2018, arXiv 1807.03748, equation 4.

        Args:
            images: (B, C, H, W).
            features: (B, d), the teacher's for these images.
            step: number of the step, which names the cut-outs.
        """
        cut_BD = self.view.teacher.forward(self.cut(images, step), batch_norm=False).features
        anchors, cuts = self._projected(features), self._projected(cut_BD)
        candidates = torch.cat([cuts, self._projected(self.memory)]) if len(self.memory) else cuts
        return functional.cross_entropy(anchors @ candidates.T / self.temperature, torch.arange(len(images)))

    def _projected(self, features: Tensor) -> Tensor:
        hidden = functional.relu(features @ self.layers[LAYERS[0]].value.T)
        return functional.normalize(hidden @ self.layers[LAYERS[1]].value.T, dim=1)

    def cut(self, images: Tensor, step: int) -> Tensor:
        """A random square out of each image, enlarged to the full size (bilinear)."""
        draw = self.view.draw("cuts", step)
        scale_B = torch.from_numpy(draw.uniform(SMALLEST_CUT, 1.0, len(images)).astype("float32"))
        shift_B2 = torch.from_numpy(draw.uniform(-1.0, 1.0, (len(images), 2)).astype("float32"))
        theta_B23 = torch.zeros(len(images), 2, 3)
        theta_B23[:, 0, 0] = theta_B23[:, 1, 1] = scale_B
        theta_B23[:, :, 2] = shift_B2 * (1.0 - scale_B).unsqueeze(1)
        grid = functional.affine_grid(theta_B23, list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
