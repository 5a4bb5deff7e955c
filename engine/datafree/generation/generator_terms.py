"""Terms of the losses by which generators are trained, as plain differentiable functions of predictions."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from engine.datafree.images.terms import jensen_shannon

Disagreement = Literal["kl", "mae", "js"]
"""How far two models' predictions lie apart, see :func:`disagreement`."""


def one_hot_term(logits_BK: Tensor) -> Tensor:
    """Cross-entropy between the teacher's predictions and its own decisions: small where it is sure.

    Source: H. Chen et al., Data-Free Learning of Student Networks, ICCV 2019, one-hot loss.
    """
    return functional.cross_entropy(logits_BK, logits_BK.detach().argmax(dim=1))


def activation_term(features_BD: Tensor) -> Tensor:
    """Minus the mean size of the teacher's penultimate features: images that it knows excite it.

    Source: H. Chen et al., ICCV 2019, activation loss, divided by the number of features so that its weight does not
    depend on the teacher's width.
    """
    return -features_BD.abs().mean()


def balance_term(logits_BK: Tensor) -> Tensor:
    """Minus the entropy (nats) of the batch's mean prediction: smallest, -log K, where all classes come equally often.

    Source: H. Chen et al., ICCV 2019, information entropy loss (there divided by K); Y. Choi et al., CVPR
    Workshops 2020, batch categorical entropy.
    """
    mean_K = functional.softmax(logits_BK, dim=1).mean(dim=0)
    entropy: Tensor = torch.special.entr(mean_K).sum()
    return -entropy


def certainty_term(logits_BK: Tensor) -> Tensor:
    """Mean entropy (nats) of the single predictions: smallest, 0, where each image clearly shows one class.

    Source: Y. Choi et al., Data-Free Network Quantization with Adversarial Knowledge Distillation, CVPR Workshops
    2020, instance categorical entropy.
    """
    entropies_B: Tensor = torch.special.entr(functional.softmax(logits_BK, dim=1)).sum(dim=1)
    return entropies_B.mean()


def disagreement(teacher_BK: Tensor, student_BK: Tensor, measure: Disagreement) -> Tensor:
    """How far the student's predictions lie from the teacher's, mean over the batch.

    ``kl``: Kullback-Leibler divergence KL(teacher || student). Source: P. Micaelli, A. Storkey, Zero-shot Knowledge
    Transfer via Adversarial Belief Matching, NeurIPS 2019, section 3.

    ``mae``: mean absolute difference of the logits. Source: G. Fang et al., Data-Free Adversarial Distillation, 2019,
    arXiv 1912.11006, section 3.

    ``js``: Jensen-Shannon divergence as a share of log 2. Source: H. Yin et al., Dreaming to Distill, CVPR 2020,
    equation 8.
    """
    match measure:
        case "kl":
            teacher, student = (functional.log_softmax(logits, dim=1) for logits in (teacher_BK, student_BK))
            return functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        case "mae":
            return (teacher_BK - student_BK).abs().mean()
        case "js":
            return jensen_shannon(teacher_BK, student_BK)
