"""Short texts to be written by hand, without end: words, names, numbers and marks."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, digits, punctuation

from rhapsode.errors import UserError

SHORTEST, LONGEST = 10, 40
SHORT = frozenset(re.findall(r"\w+", "a an as at be by do if in is it no of on or so to up we"))
"""Words of one or two letters; others are the names of things in programs."""
NAMES = re.findall(
    r"\w+",
    "Anna Berta Clara David Emma Felix Greta Hugo Ida Jakob Karl Lena Martin Nora Otto Paula Quentin Rosa Simon Thea "
    "Ulla Viktor Walter Xenia Yvonne Zoe Quito Zagreb Xanten York Uppsala Vienna Jena Kyoto Oslo India Galway Zurich",
)
PANGRAMS = (
    "six foxy wizards jump over black quilts",
    "quick zebras vex my jolly bad fowl king",
    "pack two dozen jars of quince by six",
    "a lazy squid vowed to fix my jumbo kegs",
)


def sentences(seed: int) -> Iterator[str]:
    """Lines of mostly 10 to 40 characters, some single words, with every letter, digit and common mark often in them.

    The words are those of Python's language reference (`pydoc_data.topics`), so another version of Python may give
    other lines. Raises `UserError` where Python comes without it.
    """
    words = PromptWords(random.Random(seed))
    kinds: list[tuple[int, Callable[[], str]]] = [
        (26, words.run),
        (26, words.sentence),
        (10, words.one),
        (9, words.numbers),
        (9, words.counted),
        (12, words.quoted),
        (4, words.capitals),
        (4, words.listed),
        (2, words.pangram),
    ]
    weights = [weight for weight, _ in kinds]
    while True:
        [(_, kind)] = words.random.choices(kinds, weights)
        text = kind()
        if len(text) <= LONGEST:
            yield text


def drills(seed: int) -> Iterator[str]:
    """Lines of capitals, figures and signs, and of all these mixed, up to 28 characters long, without end: what
    `sentences` seldom have. Every printable character of ASCII is often in them. Raises `UserError` as those do."""
    words = PromptWords(random.Random(seed))
    kinds: list[tuple[int, Callable[[], str]]] = [
        (8, lambda: words.capitals(most=28)),
        (2, words.numbers),
        (10, words.signs),
        (5, words.codes),
    ]
    weights = [weight for weight, _ in kinds]
    while True:
        [(_, kind)] = words.random.choices(kinds, weights)
        yield kind()


class PromptWords:
    """Draws words, and short texts of several kinds, by `source`. Raises `UserError` as `sentences` does."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.prose, self.having = _vocabulary()

    def word(self) -> str:
        """As frequent as in prose, or one with a letter that is drawn evenly: otherwise few would have a q or z."""
        if self.random.random() < 0.65:
            return self.random.choice(self.prose)
        return self.random.choice(self.having[self.random.choice("abcdefghijklmnopqrstuvwxyzjqxzvkjqxz")])

    def name(self) -> str:
        roll = self.random.random()
        if roll < 0.15:
            return f"{chr(self.random.randrange(65, 91))}. {self.random.choice(NAMES)}"
        return self.random.choice(NAMES) if roll < 0.75 else self.word().capitalize()

    def number(self) -> str:
        digits = "".join(self.random.choices("0123456789", k=self.random.choice((1, 2, 2, 3, 4))))
        return digits.lstrip("0") or "0"

    def several(self, least: int = SHORTEST, most: int = LONGEST - 4) -> list[str]:
        """Words that are together between so many characters long."""
        length = self.random.randint(least, most)
        chosen = [self.word()]
        while len(" ".join(chosen)) < length:
            chosen.append(self.word() if self.random.random() < 0.93 else self.name())
        while len(" ".join(chosen)) > most and len(chosen) > 1:
            chosen.pop()
        return chosen

    def run(self) -> str:
        return " ".join(self.several())

    def sentence(self) -> str:
        words = self.several()
        words[0] = self.name() if self.random.random() < 0.5 else words[0].capitalize()
        if len(words) > 3 and self.random.random() < 0.45:
            words[self.random.randrange(len(words) - 2)] += self.random.choice(",,;:")
        return " ".join(words) + self.random.choice("...!?")

    def one(self) -> str:
        return self.random.choice((self.word, self.name))() + self.random.choice(("", "", "", ".", ",", "!", "?"))

    def numbers(self) -> str:
        draw = self.random.randint
        return self.random.choice(
            (
                f"{draw(1, 31)}.{draw(1, 12)}.{draw(1900, 2099)}",
                f"{draw(1, 31)} {self.name()} {draw(1900, 2099)}",
                f"{draw(0, 23)}:{draw(0, 59):02}",
                f"{draw(0, 23)}:{draw(0, 59):02} - {draw(0, 23)}:{draw(0, 59):02}",
                f"{draw(100, 999)}-{draw(10000, 99999)}",
                f"{draw(1, 99)} + {draw(1, 99)} = {draw(1, 199)}",
                f"{self.number()}.{draw(0, 99):02}",
                f"{self.number()}/{self.number()}",
                f"{self.number()}, {self.number()}, {self.number()}, {self.number()}",
            )
        )

    def counted(self) -> str:
        words = self.several(most=LONGEST - 10)
        words.insert(self.random.randint(0, len(words)), self.number())
        return " ".join(words)

    def quoted(self) -> str:
        """Words with marks around or within one of them."""
        words = self.several(most=LONGEST - 8)
        i = self.random.randrange(len(words))
        word = words[i]
        words[i] = self.random.choice(
            (f'"{word}"', f"({word})", f"{self.random.choice(NAMES)}'s {word}", f"{word}-{self.word()}", f"'{word}'")
        )
        return " ".join(words)

    def capitals(self, most: int = 16) -> str:
        return " ".join(self.several(4, most)).upper()

    def signs(self) -> str:
        """One or two words, and a sign that prose seldom has."""
        number, word = self.random.randint(1, 99), self.word
        common = (
            f"{word()} & {self.name()}",
            f"${number}.{self.random.randint(0, 99):02} {word()}",
            f"{number}% {word()}",
            f"{number} % {word()}",
            f"{self.name().lower()}@{word()}.org".replace(". ", "."),
            f"#{number} {word()}",
            f"#{word()}",
            f"{word()} + {word()}",
            f"{number} + {self.number()} = {self.number()}",
            f"{word()}; {word()}",
            f"({word()}) {word()}",
            f"{number}/{self.number()}",
        )
        rare = (
            f"{number} * {self.number()}",
            f"[{word()}] {word()}",
            f"{{{word()}}}",
            f"<{word()}>",
            f"{word()}_{word()}",
            f"~{number} {word()}",
            f"{word()}^{self.number()}",
            f"{word()}\\{word()}",
            f"{word()}|{word()}",
            f"`{word()}` {word()}",
        )
        return self.random.choice(common if self.random.random() < 0.65 else rare)[:28].strip()

    def codes(self) -> str:
        """Characters of all kinds in any order, in one or two words."""
        kinds = (ascii_lowercase, ascii_uppercase, digits, punctuation)
        weights = (4, 4, 4, 3)
        words = []
        for _ in range(self.random.randint(1, 2)):
            chosen = self.random.choices(kinds, weights, k=self.random.randint(3, 7))
            words.append("".join(map(self.random.choice, chosen)))
        return " ".join(words)

    def listed(self) -> str:
        return ", ".join(self.name() for _ in range(self.random.randint(2, 3)))

    def pangram(self) -> str:
        """Half of one, so that its rare letters do not always stand in the same place."""
        words = self.random.choice(PANGRAMS).split()
        at = self.random.randint(0, len(words) - 4)
        return " ".join(words[at : at + self.random.randint(3, 6)])


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[list[str], dict[str, list[str]]]:
    """The plain words of the prose in its order, and those that have each letter."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise UserError(
            "this Python comes without pydoc_data.topics, whose words are to be written. Give texts of your own."
        ) from None
    text = "\n".join(topics[name] for name in sorted(topics))
    prose = [word.lower() for word in re.findall(r"(?<![\w.\"'`])[A-Z]?[a-z]{1,11}(?=[ ,;:?!]|\.\s)", text)]
    prose = [word for word in prose if len(word) > 2 or word in SHORT]
    having: dict[str, set[str]] = defaultdict(set)
    for word in (*prose, *" ".join(PANGRAMS).split()):
        for letter in word:
            having[letter].add(word)
    return prose, {letter: sorted(words) for letter, words in having.items()}
