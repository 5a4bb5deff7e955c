"""What can be set of the training of students beside the learning rule."""

from typing import Annotated, ClassVar

from pydantic import Field

from engine.core.component import Component


class TransferSettings(Component):
    """What students learn: labels, the teacher's softened probabilities, and the activations of its filters.

    All terms are means over the samples of a batch. The authors' code takes means over all elements instead: its
    2 alpha T^2 with alpha 0.9 and T 4 is 2.88 here for 10 classes, and its beta of 10,000 is 103 for 97 filters.
    """

    source: ClassVar[str] = "Bhardwaj et al., NoNN, arXiv 1907.11804, section 4.3; repository SLDGroup/NoNN_framework"
    equation: ClassVar[str] = "L = w_l CE(z, y) + w_s KL(p_T(τ) ‖ p_S(τ)) + w_t ‖s/‖s‖ − t/‖t‖‖²"

    label_weight: Annotated[float, Field(ge=0, le=1000)] = 0.1
    """Weight of the cross entropy with the labels, dimensionless; the authors' 1 - alpha."""

    soft_weight: Annotated[float, Field(ge=0, le=1000)] = 2.88
    """Weight of the divergence from the teacher's softened probabilities, dimensionless."""

    temperature: Annotated[float, Field(gt=0, le=100)] = 4.0
    """What logits are divided by before the softmax of the softened probabilities, dimensionless."""

    transfer_weight: Annotated[float, Field(ge=0, le=100_000)] = 103.0
    """Weight of the squared distance between the activations of all students together and those of the teacher's
    filters, both as vectors of length 1, dimensionless."""

    failout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability with which the last layer must do without a student in training, sample by sample, so that it copes
    with lost devices later; 0 as published."""
