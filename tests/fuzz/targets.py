"""What is fuzzed: for each kind of file small ones that are right, and what is done with one that is not."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.fuzz.mutations import mutated

ABC = """%abc-2.1
M:6/8
%%MIDI program 40

X:1
T:All at once
Q:3/8=100
L:1/16
V:1 name="A"
V:2
K:Ddor ^g
|: "Am7"(3ab'c, [ace]2- [ace] a>b | {g}^F2 z4 & c8 :|[1 a8 :|[2 "^slow"_b8 |] [K:G][M:3/4] Z2 x/ A//
[V:2] +trill+ c-c !p! ~d (5:4:3defgg | B,,/2 (ab) .c &\\
%%begintext
not music
%%endtext
X:2
K:HP
abc
"""
KERN = """!!!OTL: Two
**kern\t**kern\t**text
*part1\t*part2\t*
*I"Bass\t*Iflt\t*
*k[f#]\t*k[f#]\t*
*G:\t*G:\t*
*M3+2/4\t*M3/4\t*
*MM96.5\t*\t*
[4C 4E\t*\tla
4C] 8.e\t3%2c\t.
=\t=:|\t=
*^\t*\t*
4c\t8E\t12d_\t.
*v\t*v\t*\t*
*-\t*-\t*-
"""
RECORDS = 4
"""Of a file that are worked with further, once all were read."""


@dataclass(frozen=True)
class Target:
    """take: what is done with an input; `UserError` is a right answer. change: how inputs are made of the seeds."""

    suffix: str
    seeds: list[bytes]
    take: Callable[[Path], None]
    change: Callable[[Random, list[bytes]], bytes] = mutated


def ink() -> dict[str, Target]:
    from tests.modalities.ink.inkfiles import FILES, OMNIGLOT, RAW, SVG, npz

    seeds: dict[str, list[bytes]] = {name: [_bytes(data)] for name, data in FILES.items()}
    seeds["a.npz"].append(npz(train=np.ones((2, 4, 3), np.float32), test=np.zeros((3, 3))))
    seeds["a.ndjson"].append(RAW.encode())
    seeds["o.txt"].append(OMNIGLOT.encode())
    shapes = '<g transform="rotate(30 1 2) scale(2)"><polyline points="1,2 3,4"/><line x1="1" y2="4"/></g>'
    curves = '<path d="M1 2h3v-4l1,1zC1 2 3 4 5 6s1 2 3 4Q1 2 3 4t5 6A3 4 30 1 0 5 6" data-text="a"/>'
    seeds["a.svg"].append(SVG.format(shapes + curves).encode())
    return {name: Target(Path(name).suffix, found, _drawings) for name, found in seeds.items()}


def _drawings(path: Path) -> None:
    from rhapsode.errors import UserError
    from rhapsode.modalities.ink import write
    from rhapsode.modalities.ink.codecs.strokes import Strokes
    from rhapsode.modalities.ink.describe import describe
    from rhapsode.modalities.ink.read import parts, read, recognised

    recognised(path)
    parts(path)
    found = list(read(path))
    describe(found)
    for drawing in found[:RECORDS]:
        for suffix in (".jsonl", ".svg", ".gcode", ".hpgl"):
            with suppress(UserError):
                write.encode(drawing, suffix)
    codec = Strokes.fit(lambda: iter(found))
    for drawing in found[:RECORDS]:
        if not codec.refusal(drawing):
            codec.decode(codec.encode(drawing))


def music() -> dict[str, Target]:
    from rhapsode.modalities.music import write
    from tests.modalities.music.example_tunes import chorale
    from tests.modalities.music.score import lead
    from tests.modalities.music.test_music_read import FILES, ROLL, mat

    seeds: dict[str, list[bytes]] = {name: [_bytes(data)] for name, data in FILES.items()}
    seeds["a.mat"].append(mat(traindata=[ROLL], validdata=[ROLL.astype(float)]))
    for name in ("a.mid", "a.abc", "a.musicxml", "a.tune.jsonl"):
        seeds[name] += [write.encode(tune, Path(name).suffix) for tune in (chorale(), lead())]
    seeds["a.abc"] += _texts([ABC])
    seeds["a.krn"] += _texts([KERN])
    return {name: Target(Path(name).suffix, found, _tunes) for name, found in seeds.items()}


def _tunes(path: Path) -> None:
    from rhapsode import registry
    from rhapsode.errors import UserError
    from rhapsode.files.refusals import Refusals
    from rhapsode.modalities.music import write
    from rhapsode.modalities.music.codecs._tunes import TuneCodec
    from rhapsode.modalities.music.describe import describe
    from rhapsode.modalities.music.formats import own
    from rhapsode.modalities.music.read import parts, read, recognised

    recognised(path)
    parts(path)
    refused = Refusals()
    found = list(read(path, refused=refused))
    describe(found, refused)
    short = [tune for tune in found if tune.length < 400 * tune.ticks][:RECORDS]
    for tune in short:
        assert own.dumps(tune) == own.dumps(next(read(_beside(path, own.dumps(tune))))), "it is not read as written"
        for suffix in (".mid", ".abc", ".musicxml", ".svg"):
            with suppress(UserError):
                write.encode(tune, suffix)
    for kind in registry.every("codec"):
        if issubclass(kind, TuneCodec) and short:
            try:
                codec = kind.fit(lambda: iter(short))
            except UserError:
                continue
            for tune in short:
                if not codec.refusal(tune):
                    codec.decode(codec.encode(tune))


def _beside(path: Path, text: str) -> Path:
    other = path.with_name(f"{path.name}.tune.jsonl")
    other.write_text(text)
    return other


def series() -> dict[str, Target]:
    from tests.modalities.series.tables import SEEDS

    seeds = {f"{n}.csv": [text.encode()] for n, text in enumerate(SEEDS)}
    if _has("polars"):
        import io

        import polars

        file = io.BytesIO()
        polars.DataFrame({"a": range(30), "b": [n / 7 for n in range(30)]}).write_parquet(file)
        seeds["a.parquet"] = [file.getvalue()]
    return {name: Target(Path(name).suffix, found, _series) for name, found in seeds.items()}


def _series(path: Path) -> None:
    from rhapsode.data.guide import along
    from rhapsode.files.refusals import Refusals
    from rhapsode.modalities.series.codecs.series import Series
    from rhapsode.modalities.series.read import read, recognised

    recognised(path)
    found = read(path, refused=Refusals())
    codec = Series.fit(lambda: iter(found))
    for one in found[:RECORDS]:
        codec.show(one)
        if not codec.refusal(one):
            steps = codec.encode(one)
            along(codec.guide(one), steps)
            codec.dump(codec.decode(steps, outline=one))


def speech() -> dict[str, Target]:
    from rhapsode.modalities.speech.audio import encoded
    from rhapsode.modalities.speech.formats import hts, own, textgrid
    from rhapsode.modalities.speech.utterance import PAUSE, Phone, Sound, Timed

    phones = tuple(Phone(symbol, stress, at, word) for at, (symbol, stress, word) in enumerate(
        [(PAUSE, 0, 0), ("h", 0, 0), ("ə", 1, 0), ("l", 0, 1), ("oʊ", 2, 1)]
    ))  # fmt: skip
    said = Timed(phones, "hello you", times=np.arange(6) / 10)
    full = "0 1000000 x^sil-h+e=l/A:0\n1000000 1500000 x^h-e+l=o/A:0[2]\n1500000 2000000 x^h-e+l=o/A:0[3]\n"
    short = '"ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n1\n1\n0\n1\n"o"\n'
    own_lines = [own.dumps(said, "a.wav"), json.dumps({"audio": "a.wav", "text": "hi", "speaker": "x"})]
    melody = own.dumps(replace(said, melody=np.full(5, 99.5)))
    labels = {
        ".TextGrid": [textgrid.dumps(said), short],
        ".lab": [hts.dumps(said), full],
        ".jsonl": [*own_lines, melody],
    }
    lists = ["a|Hi, you.\nb|Dr. B|Doctor B\n", "file|text|speaker\nwavs/a.wav|A|x\nb|B|y\n"]
    tables = {".csv": [*lists, 'file,text\na.wav,"A, ""b"""\n'], ".tsv": ["path\tsentence\na.wav\tA\nb\tB\n"]}
    found = {f"labels{suffix}": Target(suffix, _texts(texts), _labels) for suffix, texts in labels.items()}
    found |= {f"list{suffix}": Target(suffix, _texts(texts), _list) for suffix, texts in tables.items()}
    sound = Sound(np.sin(np.arange(4000) / 9) / 2, 8000)
    try:
        sounds = {suffix: [encoded(sound, suffix)] for suffix in (".wav", ".flac", ".ogg")}
    except Exception:  # without soundfile, or an encoder of its
        sounds = {}
    return found | {f"sound{suffix}": Target(suffix, data, _sound) for suffix, data in sounds.items()}


def _labels(path: Path) -> None:
    from rhapsode.errors import UserError
    from rhapsode.modalities.speech import labels
    from rhapsode.modalities.speech.formats import hts, own, textgrid
    from rhapsode.modalities.speech.read import recognised
    from rhapsode.modalities.speech.utterance import Timed

    path.with_suffix(".wav").touch()
    recognised(path)
    found = labels.read(path)
    for utterance in found[:RECORDS]:
        own.dumps(utterance)
        if isinstance(utterance, Timed):
            with suppress(UserError):
                textgrid.loads(textgrid.dumps(utterance), "again")
                hts.loads(hts.dumps(utterance), "again")


def _list(path: Path) -> None:
    from rhapsode.modalities.speech.read import read, recognised

    for name in ("a", "b"):
        path.with_name(f"{name}.wav").touch()
    path = path.rename(path.with_name(f"metadata{path.suffix}"))
    recognised(path)
    recognised(path.with_name("a.wav"))
    list(read(path))


def _sound(path: Path) -> None:
    from rhapsode.modalities.speech.audio import read, resampled

    sound = read(path)
    assert len(sound.samples) <= 1 << 24, "many more samples than bytes"
    resampled(replace(sound, samples=sound.samples[:1000]), 16000)


def text() -> dict[str, Target]:
    lines = "".join(json.dumps({"id": n, "text": f"line {n} äöü", "more": [1, {}]}) + "\n" for n in range(4)).encode()
    plain = Path(__file__).with_name("mutations.py").read_bytes()[:2000] + "äöü ßé ἄειδε\n\nCHAPTER II\n\0\xff".encode()
    packed = {".gz": gzip.compress(plain), ".bz2": bz2.compress(plain), ".xz": lzma.compress(plain)}
    try:
        import zstandard

        packed[".zst"] = zstandard.compress(plain)
    except ImportError:
        pass
    found = {f"text{suffix}": Target(suffix, [data], _text) for suffix, data in packed.items()}
    found |= {"text.txt": Target(".txt", [plain], _text), "lines.jsonl": Target(".jsonl", [lines], _fields)}
    recipes = sorted((Path(_package()) / "recipes").glob("*.toml"))
    found["recipe.toml"] = Target(".toml", [path.read_bytes() for path in recipes], _settings)
    policies = ["every:100", "regex:^---$", r"regex:(a|b)*\d{1,9}", "line", "never", "document", "chapter"]
    found["policy"] = Target(".txt", _texts(policies), _policy)
    return found


def documents() -> dict[str, Target]:
    """Documents that text is taken out of, but for PDF, which a process of its own reads; and texts in encodings."""
    from tests.modalities.text.documents import FILES

    found = {name: Target(Path(name).suffix, [data], _document) for name, data in FILES.items()}
    texts = ["Grüße aus der Ferne, “schön”\n", "日本語の文章。\n", "Привет, мир, и тебе\n"]
    every = [
        text.encode(code, "ignore") * 9 for text in texts for code in ("cp1252", "cp932", "utf-16", "koi8-r", "utf-32")
    ]
    return {**found, "encoded.txt": Target(".txt", every, _encoded)}


def _document(path: Path) -> None:
    from rhapsode.data.documents import converted, format_of
    from rhapsode.data.recognition import kind_of
    from rhapsode.errors import UserError
    from rhapsode.files.refusals import Refusals

    kind_of(path)
    format = format_of(path, b"", True)
    if format is None:
        raise UserError("no document any more")
    made, lengths = converted(path, path.name, format, Refusals())
    assert made.stat().st_size == sum(lengths)
    made.unlink()


def _encoded(path: Path) -> None:
    from rhapsode.data.sources import open_sources

    for encoding in (None, "utf-16", "windows-1252", "shift-jis", "bytes"):
        sources = open_sources([path], encoding=encoding)
        data = b"".join(piece.data for piece in sources.pieces())
        if encoding == "bytes":
            assert data == path.read_bytes()


def _text(path: Path) -> None:
    from rhapsode import registry
    from rhapsode.data.sources import open_sources

    for options in ({}, {"separator": "\n\n"}):
        data = b"".join(piece.data for piece in open_sources([path], **options).pieces())
    for name in ("bytes", "chars", "words", "bpe"):
        if name != "bpe" or _has("tokenizers"):
            codec = registry.get("codec", name).fit([data])
            assert codec.decode(codec.encode(data)) == data


def _fields(path: Path) -> None:
    from rhapsode.data.sources import open_sources

    for field in ("text", "more[].a", "a.b[]"):
        for _ in open_sources([path], field=field).pieces():
            pass


def _settings(path: Path) -> None:
    from rhapsode.cli import _settings
    from rhapsode.cli.recipe import _described
    from rhapsode.config import Dropout, NetworkConfig, make

    found = _settings.parse(path.read_bytes(), path.name)
    _described(path.name, found)
    make(NetworkConfig, found.network, "network")
    make(Dropout, found.dropout, "dropout")


def _policy(path: Path) -> None:
    from rhapsode.data.resets import ResetPolicy

    policy = ResetPolicy.parse(path.read_bytes().decode("utf-8", "surrogateescape"))
    policy.scanner().feed(b"a line\n---\n" + b"ab" * 5000 + b"\n" + bytes(range(256)))


def models() -> dict[str, Target]:
    """Model files: any change, which their digest finds; and changes of the configuration and of weights with a digest
    that agrees. Files that `rhapsode compress` made, with checksums that agree."""
    files = {name: path.read_bytes() for name, path in _models().items()}
    found = {f"{name}.safetensors": Target(".safetensors", [data], _use, _resealed) for name, data in files.items()}
    found["damaged.safetensors"] = Target(".safetensors", list(files.values()), _use)
    found["packed.rhap"] = Target(".rhap", [_packed(), _packed(online=True)], _unpack, _forged)
    found["index.safetensors"] = Target(".safetensors", [_known()], _compare, _resealed)
    found["text-index.safetensors"] = Target(".safetensors", [_known_text()], _look_up, _resealed)
    found["damaged-index.safetensors"] = Target(".safetensors", [_known_text()], _look_up)
    return found


@cache
def _models() -> dict[str, Path]:
    """Models of several kinds that were not trained."""
    from rhapsode import registry
    from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
    from rhapsode.data.codecs.stored import codec_to_json
    from rhapsode.inference.model import Model
    from rhapsode.nn.network import Network
    from tests.conftest import WORDS, random_weights, written
    from tests.modalities.music.score import lead, quartet

    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "chars": ([b"some text, and more"], {"embedding": 6, "layers": 2, "skip": True}),
        "words": ([b"some text, and more"], {"embedding": 6, "cell": "peephole"}),
        "strokes": (lambda: iter(written(WORDS[:4])), {}),
        "melody": (lambda: iter([lead(n) for n in range(3)]), {}),
        "pianoroll": (lambda: iter([lead(n) for n in range(3)]), {}),
        "chorale": (lambda: iter([quartet(n) for n in range(3)]), {}),
    }
    folder, found = Path(os.environ["FUZZ_FOLDER"]) / "models", {}
    for name, (data, network) in kinds.items():
        codec = registry.get("codec", name).fit(data)
        settings = NetworkConfig(**{"width": 8, **codec.network, **network})
        built = Network(settings, codec.steps, codec.text, codec.covariates)
        reset, framing = ("document", built.framing) if codec.covariates else ("line", "stream")
        config = ModelConfig(
            codec=codec_to_json(codec), network=settings, framing=FramingConfig(name=framing), reset=reset
        )
        model = Model(config, random_weights(built, 0))
        for key, each in ((name, model), (f"{name}-whole", model.quantised(keep=name == "words"))):
            found[key] = folder / f"{key}.safetensors"
            each.save(found[key])
    return found


def _packed(online: bool = False) -> bytes:
    from rhapsode.inference.model import Model

    return Model.load(_models()["chars"]).compress(b"some text, and even more of it", online=online)


def _known() -> bytes:
    """What a model of tunes has of its training tunes."""
    from rhapsode.files import checkpoint
    from rhapsode.modalities.music.copies import MelodyIndex
    from tests.modalities.music.score import lead

    known = MelodyIndex.of([lead(1), lead(2)], [lead(3)])
    path = _models()["melody"].with_name("index.safetensors")
    checkpoint.save(path, known.info, known.arrays)
    return path.read_bytes()


def _compare(path: Path) -> None:
    from rhapsode.files import checkpoint
    from rhapsode.modalities.music.copies import MelodyIndex
    from tests.modalities.music.score import lead

    info, mark, found = checkpoint.load_info(path)
    arrays = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in found.items()}, mark)
    known = MelodyIndex.restored(info, arrays, str(path))
    assert known.rate.tunes >= 0 and known.longest(lead(1)).notes >= 0


def _known_text() -> bytes:
    """What a model of text has of its training text."""
    from rhapsode.data.text_index import Gathered, TextIndex

    gathered = Gathered(False)
    gathered.files, gathered.data = ["a.txt", "b.txt"], ["digest"]
    gathered.add("Some text,\nand möre of it.".encode(), True, 0, 0)
    gathered.add(b"And more text, and more of it.", True, 1, 0)
    path = _models()["chars"].with_name("text-index.safetensors")
    TextIndex.of(gathered, [b"and some more"]).save(path)
    return path.read_bytes()


def _look_up(path: Path) -> None:
    from rhapsode.data.text_index import TextIndex
    from rhapsode.data.uncopied import Uncopied
    from rhapsode.inference.novelty import measured

    known = TextIndex.load(path)
    assert measured(known, ["some text, and more of it. And" * 30, b"\xff and m\xc3\xb6re"]).chars > 900
    Uncopied(known, 4).read(b"some text, and more of it.")


def _use(path: Path) -> None:
    from rhapsode.data.codecs.text import TextCodec
    from rhapsode.inference.model import Model
    from rhapsode.modalities.music.codecs._tunes import TuneCodec

    model = Model.load(path)
    outline = model.codec.outline(2) if isinstance(model.codec, TuneCodec) else None
    text = "ab" if model.text else ""
    model.generate(text, length=8, samples=2, seed=0, outline=outline)
    if isinstance(model.codec, TextCodec):
        model.score(b"some text")
        model.state("some")


def _unpack(path: Path) -> None:
    from rhapsode.inference import compress
    from rhapsode.inference.model import Model

    compress.DENSEST = compress.DENSEST_ONLINE = 64
    Model.load(_models()["chars"]).decompress(path.read_bytes())


def _resealed(random: Random, seeds: list[bytes]) -> bytes:
    """A model file whose configuration or weights were changed by someone who can compute a digest."""
    from safetensors.numpy import load
    from safetensors.numpy import save as pack

    from rhapsode.files import checkpoint

    data = random.choice(seeds)
    length = int.from_bytes(data[:8], "little")
    meta = json.loads(data[8 : 8 + length])["__metadata__"]
    info, tensors = meta[checkpoint.KEY], load(data)
    if random.random() < 0.7:
        info = mutated(random, [info.encode()]).decode("utf-8", "replace")
    else:
        name = random.choice(sorted(tensors))
        worst = random.choice((3e38, -3e38, 1e20, -1e20, 1e-45, 0.0, float("nan"), 1e4))
        places = np.random.default_rng(random.randrange(1 << 30)).random(tensors[name].shape)
        with np.errstate(all="ignore"):
            other = np.float32(worst).astype(tensors[name].dtype)
        tensors[name] = np.where(places < random.choice((0.01, 0.5, 1)), other, tensors[name])
    try:
        whole = json.dumps(json.loads(info), ensure_ascii=False, sort_keys=True)
        mark = checkpoint.digest(whole, tensors)
    except (ValueError, RecursionError):
        mark = ""
    return pack(tensors, metadata={checkpoint.KEY: info, checkpoint.DIGEST: mark})


def _forged(random: Random, seeds: list[bytes]) -> bytes:
    """A compressed file with checksums that agree."""
    import zlib

    from rhapsode.inference.compress import CHECK, FIELDS, HEADER

    whole = random.choice(seeds)
    data = whole[: FIELDS.size - 20] + mutated(random, [whole[FIELDS.size - 20 :]]).ljust(24, b"\0")
    return data[: FIELDS.size] + CHECK.pack(zlib.crc32(data[HEADER:], zlib.crc32(data[: FIELDS.size]))) + data[HEADER:]


GROUPS: dict[str, Callable[[], dict[str, Target]]] = {
    "ink": ink,
    "music": music,
    "series": series,
    "speech": speech,
    "text": text,
    "documents": documents,
    "models": models,
}


def _bytes(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


def _texts(texts: list[str]) -> list[bytes]:
    return [each.encode() for each in texts]


def _package() -> str:
    import rhapsode

    return str(Path(rhapsode.__file__).parent)


def _has(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None
