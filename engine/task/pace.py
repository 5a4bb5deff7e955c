"""How much of a job is done at once: about half a second of work, reckoned from shapes alone."""

CHUNK_MACS = 1.5e10
"""Multiply-accumulates of a chunk of work: half a second of a core that makes 60 GFLOP/s."""

STEP_MACS = 1e7
"""What a step takes beside its arithmetic, in multiply-accumulates of the same core: a third of a millisecond."""

MOST_STEPS = 200
"""Steps of a chunk at most."""

MOST_SAMPLES = 500
"""Samples at once at most."""


def chunk_of(macs: float) -> int:
    """Steps of so many multiply-accumulates that make one chunk; a function of shapes alone."""
    return max(1, min(MOST_STEPS, round(CHUNK_MACS / (macs + STEP_MACS))))


def samples_at_once(macs: float) -> int:
    """Test samples of one step of measuring a model of so many multiply-accumulates."""
    return max(1, min(MOST_SAMPLES, int(CHUNK_MACS // max(macs, 1.0))))
