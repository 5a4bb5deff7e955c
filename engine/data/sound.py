"""Short recordings as spectrograms: logarithm of the energy in mel bands over time."""

import io
import wave

import numpy as np

from engine.data.malformed import MalformedFile

RATE_HZ = 8000
WINDOW = 320
"""Samples of a frame: 40 ms."""
HOP = 160
"""Samples from one frame to the next: 20 ms."""
NUM_FRAMES = 49
"""Frames of one second: 1 + (8000 - 320) / 160."""
FFT = 512
LOWEST_HZ = 20.0
FLOOR = 1e-6
"""Added to the energy before its logarithm, so that silence is finite."""

AT_ONCE = 128
"""Recordings transformed at once; bounds the memory of the spectra."""


def parse_wav(content: bytes) -> np.ndarray:
    """The samples of a WAV file of one channel, 16 bits and 8 kHz, float32 in [-1, 1).

    Raises:
        MalformedFile: it is no such file.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError, ValueError) as error:
        raise MalformedFile(f"this is not a readable WAV file: {error}") from error
    if form != (1, 2, RATE_HZ):
        raise MalformedFile(
            f"the recording has {form[0]} channels of {8 * form[1]} bits at {form[2]} Hz, not 1, 16, 8000"
        )
    return np.frombuffer(frames[: len(frames) // 2 * 2], dtype="<i2").astype(np.float32) / np.float32(1 << 15)


def one_second(samples: np.ndarray) -> np.ndarray:
    """The first second (8000,) of a recording, filled up with silence at its end."""
    kept = samples[:RATE_HZ]
    return np.pad(kept, (0, RATE_HZ - len(kept)))


def log_mel(recordings: np.ndarray, num_bands: int) -> np.ndarray:
    """Spectrograms of recordings of one second: log(energy per band + 1e-6), Hann windows of 40 ms every 20 ms.

    Args:
        recordings: (N, 8000) float32.
        num_bands: triangular bands, equally spaced in mel from 20 Hz to 4 kHz.

    Returns:
        (N, 49, num_bands) float32.

    Source: S. Davis, P. Mermelstein, Comparison of Parametric Representations for Monosyllabic Word Recognition, IEEE
    Transactions on Acoustics, Speech and Signal Processing 1980; mel(f) = 2595 log10(1 + f / 700); frames as in
    Y. Zhang et al., Hello Edge: Keyword Spotting on Microcontrollers, 2017.
    """
    bands_FB = mel_bands(num_bands).T
    window = np.hanning(WINDOW + 1)[:WINDOW]
    places = np.arange(NUM_FRAMES)[:, np.newaxis] * HOP + np.arange(WINDOW)
    made = np.empty((len(recordings), NUM_FRAMES, num_bands), dtype=np.float32)
    for first in range(0, len(recordings), AT_ONCE):
        frames = recordings[first : first + AT_ONCE, places].astype(np.float64) * window
        energy = np.abs(np.fft.rfft(frames, FFT)) ** 2
        made[first : first + AT_ONCE] = np.log(energy @ bands_FB + FLOOR)
    return made


def mel_bands(num_bands: int) -> np.ndarray:
    """Weight of each frequency in each triangular band, (num_bands, 257); a band's peak is 1."""
    edges_mel = np.linspace(_mel(LOWEST_HZ), _mel(RATE_HZ / 2), num_bands + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    low, peak, high = (edges_hz[part, np.newaxis] for part in (slice(-2), slice(1, -1), slice(2, None)))
    frequencies = np.fft.rfftfreq(FFT, 1 / RATE_HZ)
    rising, falling = (frequencies - low) / (peak - low), (high - frequencies) / (high - peak)
    weights: np.ndarray = np.maximum(0, np.minimum(rising, falling))
    return weights


def _mel(frequency_hz: float) -> float:
    return float(2595 * np.log10(1 + frequency_hz / 700))
