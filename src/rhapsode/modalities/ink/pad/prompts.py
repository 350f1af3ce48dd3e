"""Lines to write by hand, chosen so that few of them hold every character several times."""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from rhapsode.errors import UserError
from rhapsode.modalities.ink.pad.sentences import SENTENCES

MARKS = ".,;:!?'\"()-"
ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + MARKS
ENOUGH = 3
"""Times that a character should be written at least."""
LONGEST = 30
"""Characters of a line, at most, but for words that are longer."""
TRIES = 60
"""Lines looked at for each that is taken."""
PAIR = 0.1
"""What the commonest pair of letters is worth, where a character not yet written is worth 1."""
FEW = 12
"""With fewer different words than this, words are invented."""
INVENTED = 200

NAMES = re.findall(
    r"\w+",
    "Anna Ben Clara David Emma Felix Greta Hugo Iris Jonas Karin Leo Mara Nils Olga Paul Quentin Rosa Sven Tara "
    "Ulla Victor Wanda Xenia Yusuf Zoe Arno Birgit Carl Dora Erik Frida Gustav Helga Ivan Julia Kurt Lena Max Nora "
    "Otto Petra Quinn Ralf Sofia Tom Ute Vera Willi Xaver Yara Zita",
)
END, AFTER = ".!?\u2026", ",;:"
BRACKETS = {mark: pair for pair in ("()", "[]", "{}", "<>", '""', "\u201c\u201d", "\u00ab\u00bb") for mark in pair}


def characters(text: str) -> str:
    """The alphabet that `text` names: each character once, no spaces. Raises `UserError` if none is left."""
    found = "".join(dict.fromkeys(char for char in text if not char.isspace()))
    if not found or not found.isprintable():
        raise UserError(f"the alphabet {text!r} must have characters, and only such that can be written.")
    return found


def prompts(count: int, alphabet: str, seed: int) -> list[str]:
    """`count` different lines of `alphabet` and spaces, each the best of some for what the lines before it lack.

    They are sentences; words in a row, among them rare characters, where sentences lack any that is still needed, in
    every third line, and where there are no more sentences.
    alphabet: as from `characters`. The first lines are the same whatever `count` is. Raises `UserError` if the alphabet
    is too small for so many.
    """
    sentences = dict.fromkeys(filter(None, (_fitting(each, set(alphabet)) for each in SENTENCES)))
    pool = _PromptPool(alphabet, list(sentences))
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    pairs: set[str] = set()
    lines: dict[str, None] = {}
    for _ in range(count):
        left = [line for line in sentences if line not in lines]
        needed = {char for char in alphabet if seen[char] < ENOUGH}
        if left and (len(lines) % 3 < 2 or needed.issubset("".join(left))):
            made = rng.sample(left, min(2 * TRIES, len(left)))
        else:
            made = [line for _ in range(TRIES) if (line := pool.line(rng, seen)) not in lines]
        if not made:
            raise UserError(
                f"there are not {count} different lines of the alphabet {alphabet!r}: ask for {len(lines)} with "
                "--lines, or give more characters with --alphabet."
            )
        best = max(made, key=lambda line: pool.worth(line, seen, pairs))
        lines[best] = None
        seen.update(best)
        pairs.update(_pairs(best))
    return list(lines)


def _fitting(sentence: str, allowed: set[str]) -> str:
    """The sentence in characters that are allowed: without marks that are not, all small or all large if need be; or
    nothing."""
    for form in (sentence, sentence.lower(), sentence.upper()):
        kept = "".join(char for char in form if char in allowed or char.isalnum() or char == " ")
        if allowed.issuperset(kept.replace(" ", "")):
            return " ".join(kept.split())
    return ""


def written(lines: Sequence[str]) -> Counter[str]:
    """How often each character stands in the lines, but for spaces."""
    return Counter(char for line in lines for char in line if not char.isspace())


class _PromptPool:
    """What lines are made of that are no sentences: runs of plain words, and words for each character."""

    def __init__(self, alphabet: str, sentences: Sequence[str]) -> None:
        self.alphabet, self._allowed = alphabet, set(alphabet)
        self._runs = [run for sentence in sentences if len(run := _plain(sentence)) > 1]
        if len({word for run in self._runs for word in run}) < FEW:
            self._runs = [self._invented()]
        plain = dict.fromkeys(word for run in self._runs for word in run)
        names = [name for name in NAMES if self._allowed.issuperset(name)]
        self._with = self._by_letter([*plain, *names], slice(None))
        self._capital = self._by_letter([word.capitalize() for word in plain], slice(1))
        self._names = self._by_letter(names, slice(1))
        self._people = names
        common = Counter(pair for run in self._runs for word in run for pair in _pairs(word))
        greatest = max(common.values(), default=1)
        self._common = {pair: times / greatest for pair, times in common.items()}

    def _invented(self) -> list[str]:
        rng = random.Random(0)
        letters = [char for char in self.alphabet if char.isalpha()] or list(self.alphabet)
        return ["".join(rng.choices(letters, k=rng.randint(1, 4))) for _ in range(INVENTED)]

    def _by_letter(self, words: Sequence[str], part: slice) -> dict[str, list[str]]:
        """The words that have each letter in that part of them."""
        found: dict[str, list[str]] = {char: [] for char in self.alphabet if char.isalpha()}
        for word in dict.fromkeys(words):
            if self._allowed.issuperset(word):
                for char in dict.fromkeys(word[part]):
                    if char in found:
                        found[char].append(word)
        return found

    def line(self, rng: random.Random, seen: Counter[str]) -> str:
        """Some words in a row, and put among them a few of the characters that are rarest in `seen`."""
        tokens: list[str] = []
        while len(tokens) < 3:
            run = rng.choice(self._runs)
            start = rng.randrange(max(1, len(run) - 2))
            tokens += run[start : start + rng.randint(3, 6)]
        order = sorted(self.alphabet, key=lambda char: (seen[char], rng.random()))
        while len(tokens) > 2 and len(" ".join(tokens)) > LONGEST - 6:
            tokens.pop()
        for char in order[: rng.randint(1, 4)]:
            if char not in "".join(tokens):
                self._place(char, tokens, order, rng)
        while len(tokens) > 1 and len(" ".join(tokens)) > LONGEST:
            tokens.pop(len(tokens) // 2)
        return " ".join(tokens)

    def worth(self, line: str, seen: Counter[str], pairs: set[str]) -> float:
        """A character counts the less, the more often it was seen; a pair of letters once, as it is common."""
        counts = written([line])
        characters = sum(1 / (seen[char] + n + 1) ** 2 for char, times in counts.items() for n in range(times))
        return characters + PAIR * sum(self._common.get(pair, 0.0) for pair in sorted(set(_pairs(line)) - pairs))

    def _place(self, char: str, tokens: list[str], order: list[str], rng: random.Random) -> None:
        """Put `char` into the line, as people write it if that can be."""
        places = rng.sample(range(len(tokens)), len(tokens))
        words = [at for at in places if tokens[at].isalpha()]
        if char.isdigit():
            digits = [char, *(each for each in order if each.isdigit() and each != char)][: rng.randint(2, 4)]
            tokens.insert(places[0], "".join(sorted(digits, key=lambda digit: (digit == "0", rng.random()))))
        elif char in self._with:
            first = tokens[0].islower() and self._capital[char]
            at = 0 if char.isupper() and first else rng.choice(words[:-1] or places)
            own = self._names if at else self._capital
            tokens[at] = rng.choice(
                (own[char] if char.isupper() else []) or self._with[char] or [self._unheard(char, order)]
            )
        elif char in END + AFTER and words:
            at = len(tokens) - 1 if char in END else words[0]
            if tokens[at][-1].isalnum():
                tokens[at] += char
        elif char in BRACKETS and self._allowed.issuperset(BRACKETS[char]) and words:
            pair = BRACKETS[char]
            tokens[words[0]] = pair[0] + tokens[words[0]] + pair[1]
        elif char == "'" and "s" in self._allowed and words:
            tokens[words[0]] = rng.choice(self._people or [tokens[words[0]]]) + "'s"
        elif char == "-" and (joints := [at for at in words if at and tokens[at - 1].isalpha()]):
            at = joints[0]
            tokens[at - 1 : at + 1] = [f"{tokens[at - 1]}-{tokens[at]}"]
        else:
            tokens.insert(places[0], char)

    def _unheard(self, char: str, order: list[str]) -> str:
        """The letter and up to three others that no word has, rarest first."""
        return char + "".join([each for each in order if each != char and not self._with.get(each, [each])][:3])


def _plain(sentence: str) -> list[str]:
    """Its words, without marks around them and without the capital that begins it."""
    words = [word for each in sentence.split() if (word := each.strip(MARKS)).isalpha()]
    if words and words[0] not in NAMES and words[0][1:].islower():
        words[0] = words[0].lower()
    return words


def _pairs(text: str) -> list[str]:
    return [first + second for first, second in pairwise(text)]
