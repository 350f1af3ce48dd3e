"""Lines to write by hand, chosen so that few of them hold every character several times."""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from rhapsode.errors import UserError

ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + ".,;:!?'\"()-"
ENOUGH = 3
"""Times that a character should be written at least."""
LONGEST = 30
"""Characters of a line, at most, but for words that are longer."""
TRIES = 60
"""Lines made for each that is taken."""
PAIR = 0.1
"""What the commonest pair of letters is worth, where a character not yet written is worth 1."""
PER_CHARACTER = 200
"""Words kept for each character."""
FEW = 12
"""With fewer different words than this, words are invented."""

NAMES = (
    "Anna Ben Clara David Emma Felix Greta Hugo Iris Jonas Karin Leo Mara Nils Olga Paul Quentin Rosa Sven Tara "
    "Ulla Victor Wanda Xenia Yusuf Zoe Arno Birgit Carl Dora Erik Frida Gustav Helga Ivan Julia Kurt Lena Max Nora "
    "Otto Petra Quinn Ralf Sofia Tom Ute Vera Willi Xaver Yara Zita"
)
RARE = "box fox six extra jazz zero prize lazy quick quiet equal joke jump major view very vivid week know buzz"
COMMON = (
    "the small river runs under an old stone bridge and on to the sea where we often walk after lunch with our "
    "friends before rain comes over these hills again most people here grow apples or keep some bees in summer but "
    "when winter brings snow they stay at home to read write and cook for each other until spring"
)
"""Words in a row where there are no others."""

END, AFTER = ".!?\u2026", ",;:"
BRACKETS = {mark: pair for pair in ("()", "[]", "{}", "<>", '""', "\u201c\u201d", "\u00ab\u00bb") for mark in pair}


def characters(text: str) -> str:
    """The alphabet that `text` names: each character once, no spaces. Raises `UserError` if none is left."""
    found = "".join(dict.fromkeys(char for char in text if not char.isspace()))
    if not found or not found.isprintable():
        raise UserError(f"the alphabet {text!r} must have characters, and only such that can be written.")
    return found


def prompts(count: int, alphabet: str, seed: int, words: Sequence[str]) -> list[str]:
    """`count` different lines of `alphabet` and spaces, each the best of some for what the lines before it lack.

    alphabet: as from `characters`.
    words: a text's, in its order and with its punctuation, of which lines are pieces; may be empty.
    The first lines are the same whatever `count` is. Raises `UserError` if the alphabet is too small for so many.
    """
    pool = _Pool(alphabet, words)
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    pairs: set[str] = set()
    lines: dict[str, None] = {}
    for _ in range(count):
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


def written(lines: Sequence[str]) -> Counter[str]:
    """How often each character stands in the lines, but for spaces."""
    return Counter(char for line in lines for char in line if not char.isspace())


def english() -> list[str]:
    """Words in a row, from the documentation that comes with Python; none if this Python comes without it."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        return []
    return " ".join(topics[name] for name in sorted(topics)).split()


class _Pool:
    """What lines are made of: runs of plain words, and words for each character."""

    def __init__(self, alphabet: str, words: Sequence[str]) -> None:
        self.alphabet, self._allowed = alphabet, set(alphabet)
        for source in (words, COMMON.split()):
            self._runs = self._plain(source)
            if len(plain := dict.fromkeys(word for run in self._runs for word in run)) >= FEW:
                break
        else:
            self._runs = [self._invented()]
            plain = dict.fromkeys(self._runs[0])
        self._with = self._by_letter([*RARE.split(), *plain, *NAMES.split()], slice(None))
        self._capital = self._by_letter([word.capitalize() for word in (*RARE.split(), *plain)], slice(1))
        self._names = self._by_letter(NAMES.split(), slice(1))
        self._people = [name for names in self._names.values() for name in names]
        common = Counter(pair for run in self._runs for word in run for pair in _pairs(word))
        greatest = max(common.values(), default=1)
        self._common = {pair: times / greatest for pair, times in common.items()}

    def _plain(self, words: Sequence[str]) -> list[list[str]]:
        """The words, cut into runs where one does not look like prose or is not of the alphabet."""
        runs: list[list[str]] = [[]]
        for word in words:
            bare = word.rstrip(".,;:!?")
            form = next((form for form in (bare, bare.lower(), bare.upper()) if self._allowed.issuperset(form)), "")
            likely = bare[1:] == bare[1:].lower() and (len(bare) > 1 or bare in "aI")
            prose = likely and form.isalpha() and len(form) <= LONGEST // 3
            if prose:
                runs[-1].append(form)
            if not prose or form != word:
                runs.append([])
        return [run for run in runs if run]

    def _invented(self) -> list[str]:
        rng = random.Random(0)
        letters = [char for char in self.alphabet if char.isalpha()] or list(self.alphabet)
        return ["".join(rng.choices(letters, k=rng.randint(1, 4))) for _ in range(PER_CHARACTER)]

    def _by_letter(self, words: Sequence[str], part: slice) -> dict[str, list[str]]:
        """Some of the words that have each letter in that part of them."""
        found: dict[str, list[str]] = {char: [] for char in self.alphabet if char.isalpha()}
        for word in dict.fromkeys(words):
            if self._allowed.issuperset(word):
                for char in dict.fromkeys(word[part]):
                    if char in found and len(found[char]) < PER_CHARACTER:
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


def _pairs(text: str) -> list[str]:
    return [first + second for first, second in pairwise(text)]
