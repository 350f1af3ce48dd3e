"""A voice for tests: vowels of a known F0 and known formants, with noise between them."""

import numpy as np

from rhapsode.modalities.speech.utterance import Sound


def voice(rate: int = 16000, seconds: float = 1.2) -> tuple[Sound, np.ndarray]:
    """Silence, a vowel that glides from 110 to 180 Hz, noise, silence; and its F0, 0 where unvoiced, every 5 ms."""
    rng = np.random.default_rng(1)
    at = np.arange(round(seconds * rate)) / rate
    share = at / seconds
    on = (share > 0.15) & (share < 0.65)
    f0 = 110 * (180 / 110) ** np.clip((share - 0.15) / 0.5, 0, 1)
    phase = 2 * np.pi * np.cumsum(f0) / rate
    tone = np.zeros(len(at))
    for k in range(1, int(min(4000, rate / 2 - 200) / 180)):
        size = sum(1 / (1 + ((k * f0 - centre) / 120) ** 2) for centre in (600, 1400, 2600)) + 0.02
        tone += size * np.cos(k * phase + k * k * 0.1)
    noise = rng.standard_normal(len(at))
    samples = 0.05 * tone * on + 0.05 * noise * ((share > 0.7) & (share < 0.85)) + 1e-4 * noise
    f0 = np.where(on, f0, 0.0)
    return Sound(samples, rate), f0[:: round(0.005 * rate)]
