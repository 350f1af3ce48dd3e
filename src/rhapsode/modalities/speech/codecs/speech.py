"""The codec `speech`: a step is a frame of sound, as a vocoder has it.

Numbers of a frame: log F0 (through unvoiced stretches as a straight line), the spectrum's and the aperiodicity's as the
vocoder codes them; with `slopes`, also how fast each changes, and how fast that does. A flag: whether the voice sounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.data.codecs.records import Records, TrainingIndex
from rhapsode.data.guide import Ahead
from rhapsode.errors import UserError
from rhapsode.modalities.speech import melody
from rhapsode.modalities.speech.acoustics import RATES, Acoustics, log_f0
from rhapsode.modalities.speech.codecs._held_out import HeldOut
from rhapsode.modalities.speech.codecs._utterances import UtteranceCodec
from rhapsode.modalities.speech.lsp import Lsp
from rhapsode.modalities.speech.prepare import HOPS
from rhapsode.modalities.speech.trajectory import restored, smoothest, with_slopes
from rhapsode.modalities.speech.utterance import Sound, Spoken, Timed
from rhapsode.modalities.speech.vocoders import NAMES, vocoder
from rhapsode.report import Report

VOICED = 0.5


class Speech(UtteranceCodec):
    """Utterances ⇄ acoustic frames."""

    name = "speech"
    summary = "a step is a frame of sound: speech from phones, a voice from recordings"
    unit = "frame"
    auxiliary = "prosody"
    usage = '"Any words." -o words.wav'
    options = {**UtteranceCodec.options, "melody": 1, "slopes": 0}
    limits = {**UtteranceCodec.limits, "melody": (0, 1), "slopes": (0, 1)}
    meanings = {
        **UtteranceCodec.meanings,
        "melody": "1 to be given F0 by phones, as the model of prosody has it; 0 to find it from the text alone.",
        "slopes": "1 to model how fast frames change, too, and make of all the likeliest track.",
    }
    flags = 1

    @property
    def settings(self) -> dict[str, Any]:
        return {**self._settings, "rate": self.own["rate"], "lsp": int(self.own["vocoder"] == Lsp.name)}

    @property
    def covariates(self) -> int:
        return self.features.frame_size + int(self._settings["melody"])

    def quality(self, folder: Path, report: Report) -> Mapping[str, Any] | None:
        from rhapsode.modalities.speech.voice_quality import measured

        return measured(folder, report) if self.auxiliary else None

    def training_index(self) -> TrainingIndex | None:
        return HeldOut(self)

    @classmethod
    def measured(cls, utterances: Records, options: dict[str, Any]) -> dict[str, Any]:
        """Of the first one: vocoder, rate, hop and sizes. And how much numbers vary within an utterance."""
        own: dict[str, Any] = {}
        variances = []
        for utterance in utterances():
            found = utterance.acoustics()
            if not own:
                sizes = [found.spectrum.shape[1], found.aperiodicity.shape[1]]
                own = {"vocoder": found.vocoder, "rate": found.rate, "hop": found.hop, "sizes": sizes}
            variances.append(_static(found).var(axis=0))
        return {**own, "slopes": options["slopes"], "deviations": np.sqrt(np.mean(variances, axis=0)).tolist()}

    @classmethod
    def check(cls, own: dict[str, Any], size: int) -> None:
        keys = ("vocoder", "rate", "hop", "sizes", "slopes", "deviations")
        if set(own) != set(keys):
            raise ValueError(f"expected {', '.join(keys)}")
        name, rate, hop, sizes, slopes, deviations = (own[key] for key in keys)
        if name not in NAMES or type(rate) is not int or not RATES[0] <= rate <= RATES[1]:
            raise ValueError(f"vocoder {name!r}, {rate!r} samples a second")
        if not isinstance(hop, float) or not 1 <= round(1000 * hop, 6) <= HOPS[1] or slopes not in (0, 1):
            raise ValueError(f"a frame every {hop!r} seconds, slopes {slopes!r}")
        spectrum, aperiodicity = sizes
        count = 1 + spectrum + aperiodicity
        if not (
            spectrum > 0 and aperiodicity >= 0 and count == len(deviations) and size == count * (3 if slopes else 1)
        ):
            raise ValueError(f"{size} numbers of a frame, {sizes} of its spectrum and aperiodicity")
        if not (np.isfinite(deviations) & (np.array(deviations) >= 0)).all():
            raise ValueError("deviations are not finite")

    @classmethod
    def numbers(cls, utterance: Spoken, own: dict[str, Any]) -> np.ndarray:
        found = utterance.acoustics()
        sizes = [found.spectrum.shape[1], found.aperiodicity.shape[1]]
        if (found.vocoder, found.rate, sizes) != (own["vocoder"], own["rate"], own["sizes"]):
            vocoder(own["vocoder"])  # if that is why, it says how to install it
            raise UserError(
                f"frames of vocoder {found.vocoder} at {found.rate} samples a second; the model's are of "
                f"{own['vocoder']} at {own['rate']}. Prepare recordings with the options of the codec's `settings`."
            )
        values = _static(found)
        return np.column_stack([with_slopes(values) if own["slopes"] else values, found.voiced])

    def guide(self, record: Timed) -> Ahead:
        count = record.frames(self.hop)
        rows = self.features.of_frames(record, count, self.hop)
        return Ahead(np.column_stack([rows, self._melody(record, count)]) if self._settings["melody"] else rows)

    def _melody(self, record: Timed, count: int) -> np.ndarray:
        """[count] float32, normalised as log F0 is; its mean if it is not known."""
        hertz = melody.of(record)
        if hertz is None:
            return np.zeros(count, np.float32)
        line = melody.contour(record.times, hertz, count, self.hop)
        return np.asarray((line - self.mean[0]) / self.sd[0], np.float32)

    @property
    def hop(self) -> float:
        """Seconds from frame to frame."""
        return float(self.own["hop"])

    def decode(self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Any = None) -> Spoken:
        size = len(self.mean)
        values = np.asarray(steps[:, :size], np.float64) * self.sd + self.mean
        if self.own["slopes"]:
            values = smoothest(values, self.sd**2)
        found: Timed = outline or self.example
        if not self._settings["melody"]:  # it is not sung to that
            found = replace(found, melody=None)
        return self._spoken(found, values, steps[:, size] > VOICED)

    def livelier(self, utterance: Spoken, strength: float) -> Spoken:
        """The spectrum as varied as the training data's, or a part `strength` of the way there."""
        found = utterance.acoustics()
        values = _static(found)
        spectrum = slice(2, 1 + found.spectrum.shape[1])  # F0 and loudness as they are
        deviations = np.array(self.own["deviations"])[spectrum]
        values[:, spectrum] = restored(values[:, spectrum], deviations, strength)
        return self._spoken(utterance, values, found.voiced)

    def _spoken(self, utterance: Timed, values: np.ndarray, voiced: np.ndarray) -> Spoken:
        """The utterance with these numbers [N, 1 + S + A] of its frames."""
        spectrum, aperiodicity = self.own["sizes"]
        f0 = np.where(voiced, np.exp(values[:, 0].clip(3, 7.5)), 0.0)
        found = Acoustics(
            values[:, 1 : 1 + spectrum],
            values[:, 1 + spectrum : 1 + spectrum + aperiodicity],
            f0,
            self.hop,
            self.own["rate"],
            self.own["vocoder"],
        )

        return self.sounding(utterance, found)

    @staticmethod
    def sounding(utterance: Timed, frames: Acoustics) -> Spoken:
        """The utterance with these frames, and as sound, which ends when its times do: the last frame begins there."""
        seconds = utterance.seconds

        @cache
        def sound() -> Sound:
            whole = vocoder(frames.vocoder).synthesise(frames)
            return Sound(whole.samples[: round(seconds * whole.rate)], whole.rate)

        return utterance.to(Spoken, acoustics=lambda: frames, sound=sound)

    def show(self, record: Spoken) -> str:
        from rhapsode.modalities.speech.picture import preview

        return preview(record.acoustics())


def _static(found: Acoustics) -> np.ndarray:
    """[N, 1 + S + A]: log F0, spectrum, aperiodicity."""
    return np.column_stack([log_f0(found.f0)[0], found.spectrum, found.aperiodicity])
