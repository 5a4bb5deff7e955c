"""How far the activations of clients lie apart."""

import numpy as np


def activation_divergence(activations: np.ndarray) -> float:
    """Mean divergence of the clients' activations from their common mean, per feature.

    With the mean activations a_k (m, d) of m clients: ``(1/m) sum_k KL(softmax(a_k) || softmax(mean_k a_k)) / d``.

    Source: the dissimilarity that the code of Chen, Bhardwaj, Marculescu, FedMAX, ECML-PKDD 2020, logs.
    """
    log_p = _log_softmax(activations.astype(np.float64))
    log_q = _log_softmax(activations.astype(np.float64).mean(0))
    divergence = (np.exp(log_p) * (log_p - log_q)).sum(-1)
    return float(divergence.mean() / activations.shape[-1])


def _log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max(-1, keepdims=True)
    result: np.ndarray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result
