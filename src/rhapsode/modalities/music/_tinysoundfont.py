"""The process in which tinysoundfont plays: events on stdin, samples on stdout; see `music.soundfont`."""

from __future__ import annotations

import json
import sys

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files import apart


def _played(task: bytes) -> bytes:
    """[N, 2] float32 as bytes. Raises `UserError`."""
    import tinysoundfont

    given = json.loads(task)
    font, samples, rate = given["font"], given["samples"], given["rate"]
    synth = tinysoundfont.Synth(gain=-12, samplerate=rate)
    try:
        loaded = synth.sfload(font)
    except Exception as error:  # it raises whatever comes to its mind
        raise UserError(f"{font}: tinysoundfont cannot load it: {error}.") from None
    for channel, program, drums in given["parts"]:
        # A font of one instrument plays everything with it.
        for bank, preset in ((128, 0), (0, 0)) if drums else ((0, program), (0, 0)):
            if synth.sfpreset_name(loaded, bank, preset) is not None:
                synth.program_select(channel, loaded, bank, preset, drums)
                break
        else:
            raise UserError(f"{font}: it has no sound for program {program}, nor a piano in its place.")
    sound = np.zeros((samples, 2), np.float32)
    done = 0
    for second, begins, channel, pitch, velocity in [*given["events"], (samples / rate, 0, 0, 0, 0)]:
        until = min(round(second * rate), samples)
        if until > done:
            sound[done:until] = np.frombuffer(synth.generate(until - done), np.float32).reshape(-1, 2)
            done = until
        if begins:
            synth.noteon(channel, pitch, velocity)
        else:
            synth.noteoff(channel, pitch)
    return sound.tobytes()


if __name__ == "__main__":
    sys.exit(apart.answered(_played))
