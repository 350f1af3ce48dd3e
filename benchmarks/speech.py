"""Speech: bidirectional LSTMs beside feed-forward networks on one voice (Fan et al. 2014); how well it is understood.

    RHAPSODE_DATA=folder python benchmarks/speech.py compare [--minutes 6] [--networks hybrid_b] [--melody] [--slopes]
    RHAPSODE_DATA=folder python benchmarks/speech.py hear    --voice MODEL [--work FOLDER]
    RHAPSODE_DATA=folder python benchmarks/speech.py time    --voice MODEL
    RHAPSODE_DATA=folder python benchmarks/speech.py back    --voice MODEL
    RHAPSODE_DATA=folder python benchmarks/speech.py chapter

The data is speech/kathleen in that folder: 1,132 prompts of CMU ARCTIC read by one American woman, 16 kHz, as
`metadata.csv` and `wavs/` (github.com/rhasspy/dataset-voice-kathleen, CC0). Split by prompt, in the order of the file:
1,000 to train, 66 to validate, 66 to test, the sizes that Merlin's tutorials have. Phone times of all are found from
recordings and texts together (`speech.align`), without any other data; frames are 5 ms. Silence before and
after an utterance is cut to 0.1 s.

`compare` trains each network for the same minutes with the same optimizers and settings on the same frames, and
measures on the test prompts, by the weights that were best on the validation prompts. Frames within 40 dB of an
utterance's loudest count. LSD is between envelopes as the vocoder's code has them (513 frequencies, 0 to 8 kHz); so a
copy of the frames has none, and the row `synthesis and analysis` says what making sound of them and analysing it again
costs. MCD leaves out c0. F0 is compared where both sound. As in the paper, networks find F0 themselves; with `--melody`
they are given it phone by phone, as the model of prosody has it. `predicted`: with durations of that model, too, and
frames matched by dynamic time warping. Means of the network as they are, without post-filter, unless a row says so.

`hear` is the word error rate of pocketsphinx on test and validation prompts; see `speech.hear`.

One object of JSON at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from music import Notes

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.files.cache import Cache, cache_folder
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import espeak, hear, melody, speaking
from rhapsode.modalities.speech.acoustics import Acoustics, chained
from rhapsode.modalities.speech.audio import written
from rhapsode.modalities.speech.chapters import cut
from rhapsode.modalities.speech.codecs.speech import Speech
from rhapsode.modalities.speech.formats import own
from rhapsode.modalities.speech.measures import BINS, compare, lsd, matched, mcd, mel_cepstrum, speech
from rhapsode.modalities.speech.prepare import prepared
from rhapsode.modalities.speech.read import read
from rhapsode.modalities.speech.utterance import PAUSE, Sound, Spoken, Timed, Utterance, joined
from rhapsode.modalities.speech.vocoders import vocoder
from rhapsode.training.run import train

TEST, VALID = 66, 66
PLAN = {"batch_size": 8, "matrix_rate": 0.06, "rate": 0.01}
"""Of several tried for two minutes with hybrid_b (docs/log.md); the same for all networks."""
TEMPERATURES = 0.5, 1.0
ENCODERS: dict[str, dict[str, Any]] = {
    "dnn_a": {"feedforward": 6, "feedforward_width": 512, "bidirectional": 0},
    "dnn_b": {"feedforward": 3, "feedforward_width": 1024, "bidirectional": 0},
    "hybrid_a": {"feedforward": 3, "feedforward_width": 512, "bidirectional": 1, "bidirectional_width": 256},
    "hybrid_b": {"feedforward": 2, "feedforward_width": 512, "bidirectional": 2, "bidirectional_width": 256},
}
"""Those of the paper: 512 × 6, 1024 × 3, 512 × 3 and one bidirectional layer of 256 + 256, 512 × 2 and two of them."""


def parts(work: Path) -> dict[str, list[Spoken]]:
    """The split, with times and frames; also written into `work`, so that all networks are trained on just these."""
    every = list(read(Path(os.environ["RHAPSODE_DATA"]) / "speech" / "kathleen" / "metadata.csv"))
    found, left_out, notes = prepared(every, Cache(cache_folder()), Notes().stage)
    print(*left_out, *notes, sep="\n", flush=True)
    done = [one for one in found if one is not None]
    if len(done) < len(every):
        raise SystemExit(f"{len(every) - len(done)} prompts were left out: this is not the data of the protocol.")
    ends = {"train": slice(0, -TEST - VALID), "valid": slice(-TEST - VALID, -TEST), "test": slice(-TEST, None)}
    for name, part in ends.items():
        lines = []
        for utterance in done[part]:
            audio = work / name / f"{utterance.name}.wav"
            if not audio.exists():
                written(utterance.sound(), audio)
            lines.append(own.dumps(utterance, audio.name) + "\n")
        (work / name / "utterances.jsonl").write_text("".join(lines), encoding="utf-8")
    return {name: done[part] for name, part in ends.items()}


def frames(utterance: Spoken) -> Acoustics:
    return utterance.acoustics()


def distance(ours: list[Spoken], theirs: list[Spoken]) -> dict[str, float]:
    """Over all frames of all utterances within 40 dB of their utterance's loudest."""
    mask = np.concatenate([speech(frames(one)) for one in theirs])
    return asdict(compare(chained([*map(frames, ours)]), chained([*map(frames, theirs)]), mask))


def warped(ours: list[Spoken], theirs: list[Spoken]) -> dict[str, float]:
    """LSD and MCD where timing differs: frames of an utterance matched by dynamic time warping of mel-cepstra."""
    found = []
    for one, other in zip(ours, theirs, strict=True):
        mask = speech(frames(other))
        envelopes = [vocoder(each.vocoder).envelope(each, BINS) for each in (frames(one), frames(other))]
        cepstra = [mel_cepstrum(each, frames(other).rate) for each in envelopes]
        a, b = matched(*cepstra)
        kept = mask[b]
        pair = (lsd(envelopes[0][a], envelopes[1][b], kept), mcd(cepstra[0][a], cepstra[1][b], kept))
        found.append([kept.sum(), *pair])
    counts, lsds, mcds = np.array(found).T
    return {"lsd_db": float(counts @ lsds / counts.sum()), "mcd_db": float(counts @ mcds / counts.sum())}


def said(voice: Model, prosody: Model, utterances: Sequence[Utterance], manner: speaking.Manner) -> list[Spoken]:
    """With the durations that they have, if they have any."""
    return list(speaking.speak(voice, prosody, utterances, manner))


def phrased(prosody: Model, utterances: Sequence[Utterance], manner: speaking.Manner, seed: int = 0) -> list[Timed]:
    """With durations and melody by the model."""
    bare = (one.to(Utterance) for one in utterances)
    return [speaking.phrased(prosody, one, manner, seed) for one in bare]


def per_phone(utterances: Sequence[Timed]) -> np.ndarray:
    """[2, P] seconds and Hz of all phones that are no pauses."""
    found = []
    for one in utterances:
        hertz = melody.of(one)
        assert hertz is not None
        spoken = np.array([phone.symbol != PAUSE for phone in one.phones])
        found.append(np.stack([np.diff(one.times), hertz])[:, spoken])
    return np.concatenate(found, axis=1)


def prosody_error(ours: Sequence[Timed], theirs: Sequence[Timed]) -> dict[str, float]:
    """How far durations and melody are, by phones."""
    (seconds, hertz), (own_seconds, own_hertz) = per_phone(ours), per_phone(theirs)
    return {
        "duration_rmse_ms": float(1000 * np.sqrt(np.mean((seconds - own_seconds) ** 2))),
        "duration_correlation": float(np.corrcoef(seconds, own_seconds)[0, 1]),
        "melody_rmse_semitones": float(np.sqrt(np.mean((12 * np.log2(hertz / own_hertz)) ** 2))),
        "melody_correlation": float(np.corrcoef(hertz, own_hertz)[0, 1]),
        "melody_sd_of_real": float(np.std(np.log(hertz)) / np.std(np.log(own_hertz))),
    }


def drawn(prosody: Model, test: list[Spoken], temperature: float) -> dict[str, float]:
    """Two renderings by the model of prosody: how far from the recordings, and from each other."""
    one, other = (phrased(prosody, test, speaking.Manner(temperature=temperature), seed) for seed in (0, 1))
    apart = prosody_error(one, other)
    names = {"duration_rmse_ms": "seeds_apart_ms", "melody_rmse_semitones": "seeds_apart_semitones"}
    return prosody_error(one, test) | {name: apart[key] for key, name in names.items()}


def compared(minutes: float, networks: list[str], work: Path, options: dict[str, int], narrower: int) -> dict[str, Any]:
    data = parts(work)
    test = data["test"]
    found: dict[str, Any] = {}
    again = [analysed(one) for one in test]
    found["synthesis and analysis"] = distance(again, test)
    show("synthesis and analysis", found["synthesis and analysis"])
    for name in networks:
        encoder = {key: n // narrower if key.endswith("width") else n for key, n in ENCODERS[name].items()}
        home = work / "-".join([name, *(key for key, on in options.items() if on), f"{narrower}", f"{minutes:g}"])
        begun = time.perf_counter()
        if not (home / "model.safetensors").exists():
            train(
                [work / "train" / "utterances.jsonl"],
                home,
                minutes=minutes / 0.9,  # a tenth is for prosody
                valid=[work / "valid" / "utterances.jsonl"],
                codec="speech",
                codec_options=options,
                network={"encoder": encoder},
                plan=PLAN,
                report=Notes(),
            )
        voice, prosody = Model.load(home), Model.load(home / "prosody")
        row: dict[str, Any] = {
            "parameters": voice.network.parameters,
            "step": voice.config.facts["updates"],
            "seconds": round(time.perf_counter() - begun),
            "valid_nats": voice.config.facts["valid_nats_per_step"],
        }
        row |= distance(said(voice, prosody, test, speaking.Manner(liveliness=0)), test)
        row["lively"] = distance(said(voice, prosody, test, speaking.Manner()), test)
        timed = phrased(prosody, test, speaking.Manner())
        row["prosody"] = prosody_error(timed, test)
        row["drawn"] = {temperature: drawn(prosody, test, temperature) for temperature in TEMPERATURES}
        row["predicted"] = warped(said(voice, prosody, timed, speaking.Manner(liveliness=0)), test)
        found[name] = row
        show(name, row)
        show("  lively", row["lively"])
        for key in ("prosody", "predicted"):
            print(f"  {key:22}", rounded(row[key]))
        for temperature, each in row["drawn"].items():
            print(f"  at temperature {temperature:g}    ", rounded(each), flush=True)
    return found


def analysed(one: Spoken) -> Spoken:
    """What is left when sound is made of its frames, and analysed again."""
    known = frames(one)
    kind = vocoder(known.vocoder)
    copy = kind.analyse(kind.synthesise(known), known.hop)
    count = len(known)

    def fitted(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.repeat(values[-1:], max(0, count - len(values)), axis=0)])[:count]

    same = copy.map(fitted)
    return replace(one, acoustics=lambda: same)


def show(name: str, row: dict[str, Any]) -> None:
    numbers = ("parameters", "step", "seconds", "valid_nats")
    names = ("lsd_db", "mcd_db", "bap_db", "f0_rmse_hz", "f0_correlation", "voicing_error_percent")
    print(f"{name:24}", rounded({key: row[key] for key in (*numbers, *names) if key in row}), flush=True)


def rounded(row: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 3) for key, value in row.items()}


def heard(home: Path, work: Path, only: list[str]) -> dict[str, Any]:
    """Word error rates on test and validation prompts: natural, copied, ours, espeak-ng's; or only of these."""
    data = parts(work)
    prompts = data["test"] + data["valid"]
    voice = Model.load(home)
    prosody = speaking.prosody_beside(voice)
    understand = hear.recogniser()

    def natural(one: Utterance) -> Sound:
        return one.sound()

    def copied(one: Spoken) -> Sound:
        return vocoder(frames(one).vocoder).synthesise(frames(one))

    def ours(one: Utterance, **manner: float) -> Sound:
        return spoken(joined(list(speaking.speak(voice, prosody, one.text, speaking.Manner(**manner)))))

    def timed(one: Spoken) -> Sound:
        return spoken(next(speaking.speak(voice, prosody, [one])))

    def spoken(one: Utterance) -> Sound:
        return one.sound()

    def by_rule(one: Utterance) -> Sound:
        return spoken(espeak.speak(one.text, "en-us"))

    kinds: dict[str, Callable[[Spoken], Sound]] = {
        "natural": natural,
        "copied": copied,
        "ours": ours,
        **{f"ours at {each:g}": partial(ours, temperature=each) for each in TEMPERATURES},
        "ours flat": partial(ours, liveliness=0),
        "ours with natural times": timed,
        "espeak-ng": by_rule,
    }
    found: dict[str, Any] = {}
    for name, kind in kinds.items():
        if only and name not in only:
            continue
        pairs = [(one.text, understand(kind(one))) for one in prompts]
        error = hear.error_rate(pairs)
        rate, low, high = error.rate, error.low, error.high
        found[name] = {"word_error_rate": rate, "low": low, "high": high, "sentences": len(pairs)}
        print(f"{name:24} {100 * rate:5.1f} % of words wrong [{100 * low:.1f}, {100 * high:.1f}]", flush=True)
        found[name]["some"] = pairs[:5]
    return found


TEXT = (
    "A generative network learns the structure of a large set of sequences. Given a few words that it has never heard, "
    "it says them in the voice that it has learnt."
)


def timed(home: Path, times: int = 5) -> dict[str, Any]:
    """Where the time goes, in milliseconds of one core's time for a second of speech: medians."""
    voice = Model.load(home)
    prosody = speaking.prosody_beside(voice)
    codec = voice.codec
    assert isinstance(codec, Speech)
    rows = []
    for turn in range(times + 1):
        marks = [time.process_time()]

        def mark(marks: list[float] = marks) -> None:
            marks.append(time.process_time())

        outlines = list(speaking.outlined(codec, TEXT))
        mark()
        when = [speaking.phrased(prosody, one, speaking.Manner()) for one in outlines]
        mark()
        given = [codec.guide(one).ahead() for one in when]
        mark()
        for each in given:
            voice.encoded(each)
        mark()
        made = [speaking.voiced(voice, one, speaking.Manner())[0] for one in when]
        mark()
        seconds = joined(made).sound().seconds
        mark()
        if turn:  # the first one loads
            rows.append(np.diff(marks) * 1000 / seconds)
    text, prosody_ms, features, context, frames_ms, sound_ms = np.median(rows, axis=0).tolist()
    whole = text + prosody_ms + frames_ms + sound_ms
    found = {
        "text to phones": text,
        "durations and melody": prosody_ms,
        "features of frames": features,
        "bidirectional layers": context,
        "frames": frames_ms - features - context,
        "frames to sound": sound_ms,
        "all": whole,
    }
    for name, value in found.items():
        print(f"{name:24} {value:7.2f} ms")
    print(f"{1000 / whole:.1f} times as fast as it is spoken", flush=True)
    return {**found, "times_real_time": 1000 / whole, "threads": 1, "parameters": voice.network.parameters}


def read_back(home: Path) -> dict[str, Any]:
    """Nats a step of what is drawn, as it is drawn; and of the same written as WAV and a line of JSON and read back."""
    voice = Model.load(home)
    prosody = speaking.prosody_beside(voice)
    assert prosody is not None and isinstance(voice.codec, Speech)
    [outline, *_] = speaking.outlined(voice.codec, TEXT)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for temperature, liveliness in ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.5, speaking.LIVELINESS)):
            [drawn] = prosody.generate(outline=outline, seed=0, sampling=Sampling(temperature=temperature))
            manner = speaking.Manner(liveliness=liveliness)
            said, frames_drawn = speaking.voiced(voice, drawn.record, manner)
            written(said.sound(), Path(folder) / "a.wav")
            line = own.dumps(replace(said, melody=drawn.record.melody), "a.wav")
            (Path(folder) / "a.jsonl").write_text(line + "\n", encoding="utf-8")
            scores = [next(iter(one.score_records(read(Path(folder) / "a.jsonl")))) for one in (prosody, voice)]
            row = {
                "prosody_drawn": -float(drawn.log_probs.mean()),
                "prosody_read_back": scores[0].nats_per_step,
                "frames_drawn": -float(frames_drawn.log_probs.mean()),
                "frames_read_back": scores[1].nats_per_step,
            }
            name = f"temperature {temperature:g}, liveliness {liveliness:g}"
            found[name] = row
            print(f"{name:34}", rounded(row), flush=True)
    return found


def chapter(count: int = 240) -> dict[str, Any]:
    """Prompts of the voice in a row, as one recording with one text, cut again: how many lie where they are."""
    rng = np.random.default_rng(0)
    folder = Path(os.environ["RHAPSODE_DATA"]) / "speech" / "kathleen"
    prompts = list(read(folder / "metadata.csv"))[:count]
    sounds, spans, at = [], [], 0.0
    for one in prompts:
        sound = one.sound()
        spans.append((at, at + sound.seconds))
        gap = rng.uniform(0.2, 0.6) * (rng.random() < 0.9)
        sounds += [sound.samples, 1e-3 * rng.standard_normal(int(gap * sound.rate))]
        at += (len(sounds[-2]) + len(sounds[-1])) / sound.rate
    begun = time.perf_counter()
    parts = cut(Sound(np.concatenate(sounds), sound.rate), [one.text for one in prompts])
    right = 0
    for each in parts:
        begin, end = spans[each.first][0], spans[each.last - 1][1]
        if begin - 0.4 < each.begin and each.end < end + 0.4 and each.end - each.begin > 0.6 * (end - begin):
            right += each.last - each.first
    found = {"sentences": count, "seconds": at, "parts": len(parts), "right": right}
    print(rounded(found), f"in {time.perf_counter() - begun:.1f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["compare", "hear", "time", "back", "chapter"])
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--networks", default="hybrid_b,dnn_a,dnn_b,hybrid_a")
    parser.add_argument("--slopes", action="store_true", help="with slopes, and the likeliest track of all")
    parser.add_argument("--melody", action="store_true", help="with F0 by phones given")
    parser.add_argument("--narrower", type=int, default=1, help="so many times: where minutes are short")
    parser.add_argument("--only", default="", help="hear: of these alone, e.g. 'ours,ours at 0.5'")
    parser.add_argument("--voice", type=Path)
    parser.add_argument("--work", type=Path, default=cache_folder() / "benchmark-speech")
    options = parser.parse_args()
    if options.what == "compare":
        codec = {"melody": int(options.melody), "slopes": int(options.slopes)}
        found = compared(options.minutes, options.networks.split(","), options.work, codec, options.narrower)
    elif options.what == "chapter":
        found = chapter()
    elif options.voice is None:
        parser.error("--voice MODEL is needed")
    else:
        only = [name for name in options.only.split(",") if name]
        what = {"hear": lambda: heard(options.voice, options.work, only), "time": lambda: timed(options.voice)}
        found = what.get(options.what, lambda: read_back(options.voice))()
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
