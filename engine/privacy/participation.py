"""How often the busiest client takes part: what the cost of noise that devices add depends on."""


def most_rounds(rounds: int, cohort_size: int, num_clients: int) -> int:
    """Rounds that the busiest of all clients is likely to have, each drawn with the same chance in every round.

    The number that any one client exceeds with a probability of one over twice the number of clients.
    """
    from scipy.stats import binom

    chance = min(1.0, cohort_size / max(1, num_clients))
    return int(binom.ppf(1.0 - 0.5 / max(1, num_clients), rounds, chance))
