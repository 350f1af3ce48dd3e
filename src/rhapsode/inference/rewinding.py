"""Rewinding: generation that goes back from what a guide refuses, and draws again.

The past of an LSTM is one small state, so a place in a text costs little to keep, and going back to it is free. Steps
are drawn as always, many at a time where the kernel draws, and each is then given to the guide:

- A step that the guide refuses (its verdict is `IMPOSSIBLE`) is thrown away. If the guide knows what may be drawn
  instead of it, that one step is drawn again, under this mask. Free first, and under the mask only if that is refused,
  gives the masked distribution: p + (1 - Z) p / Z = p / Z, where Z is the probability of all that is allowed. (Here, p
  is what the options of sampling leave; where the mask leaves nothing of that, they act on what the mask leaves.)
- Else, generation goes back to the last *settled* place, and draws on with the next random numbers. After some failures
  there, it goes back farther, and draws from the model's own distribution, whatever the options of sampling.
- When all steps are drawn, at a stop string, or when too much was refused, the newest place is taken at which the text
  is valid, or has a *closing* that fits into the length. The closing is written there.

Nothing depends on how many steps are drawn at a time, so a sample is the same alone, in a batch, and streamed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.codecs.output import Piece, Stopped
from rhapsode.data.constraint import Verdict
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.inference.builders import Builder, Mark, Start
from rhapsode.inference.loops import Loops
from rhapsode.inference.reader import NONE, Reader

KEPT = 8
"""So many settled places can be returned to. What is older stands."""
SPACING = 16
"""Settled places are so many steps apart at least, but for the newest."""
TRIES = 8
"""So often is a settled place returned to. Then generation goes back farther: by one place, by two, by four."""
LONGEST = 64
"""The most steps drawn at a time: those behind a step that is refused were drawn in vain."""
PLACES = 64
"""The most places kept."""
LONG = 0.1
"""No more steps are drawn at a time once this takes so many seconds."""
SEARCHED = 64
"""At the end, so many places are tried one by one; then only each second one, for as many steps, and so on."""


def budget(length: int) -> int:
    """The most steps that are thrown away for a sample of this length."""
    return 10 * length + 2_000


def draw(start: Start, builders: list[Builder], pieces: bool = False) -> Iterator[Piece]:
    """Draw all rows to their ends. pieces: yields what is added, as soon as it cannot be taken back; one row only.

    Raises `UserError` if no valid end is found.
    """
    rows = [begun(start, builder) for builder in builders]
    while alive := [row for row in rows if not row.done]:
        advance(start, alive)
        if pieces:
            yield from rows[0].sure()
    if pieces:
        yield from rows[0].sure()


def begun(start: Start, builder: Builder) -> Row:
    """A row behind the prompt."""
    if not isinstance(start.reader, Reader):
        raise ValueError("a guide that judges needs a network that reads its own steps")
    return Row(start, builder, start.reader.copy())


def advance(start: Start, rows: list[Row]) -> None:
    """Draw some steps in each of these rows, none of which is done."""
    fast = isinstance(start.reader, Loops) and _free(start.guide)
    (_chunk if fast else _step)(start, rows)


def _free(guide: Guide) -> bool:
    """Whether the guide only judges: nothing must be asked of it before a step is drawn."""
    names = ("covariates", "mask", "canonical")
    return all(getattr(type(guide), name) is getattr(Guide, name) for name in names)


def _joined(rows: Sequence[Row]) -> Any:
    """A reader of all these rows."""
    if len(rows) == 1:
        return rows[0].reader.copy()
    return rows[0].reader.joined([row.reader for row in rows[1:]])


def _chunk(start: Start, rows: list[Row]) -> None:
    """Draw some steps in each row, as the engine does it, and judge them."""
    reader: Loops = _joined(rows)
    count = max(1, min(sum(row.size for row in rows) // len(rows), max(row.left for row in rows)))
    words, begun = [row.builder.randomness.step for row in rows], time.perf_counter()
    hows = [row.builder.how(row.sampling) for row in rows]
    symbols, log_probs, counts = reader.draw(count, hows, start.output.endings)
    quick = time.perf_counter() - begun < LONG
    drawn = zip(rows, symbols.T.tolist(), log_probs.T.tolist(), counts.tolist(), words, strict=True)
    for n, (row, steps, logs, many, word) in enumerate(drawn):
        row.take(steps[:many], logs[:many], reader.take([n]) if len(rows) > 1 else reader, word, quick)
    if len(symbols) < count and (alive := [row for row in rows if not row.done]):
        _step(start, alive)  # a unit begins after the next step, of which only the text tells


def _step(start: Start, rows: list[Row]) -> None:
    """Draw one step in each row, and judge it."""
    reader: Reader = _joined(rows)
    parameters, attention = reader.parameters, reader.attention
    places = [n for n, row in enumerate(rows) if not row.complete(attention[n])]
    going = []
    if places:
        distributions, hows = start.head.distribution(parameters[places]), [rows[n].how() for n in places]
        drawn = start.head.draw_mixed(distributions, hows)
        for n, *one in zip(places, drawn, hows, distributions, attention[places], strict=True):
            rows[n].builder.step(*one)
            if rows[n].judged():
                going.append(n)
    if going:
        reader = reader.take(going)
        builders = [rows[n].builder for n in going]
        covariates = np.array([builder.covariates for builder in builders]) if start.covariates else NONE
        reader.read(np.array([builder.steps[-1] for builder in builders]), covariates)
        for at, n in enumerate(going):
            rows[n].stand(reader.take([at]))


class _Place(NamedTuple):
    """A place to which a row can go back. reader: of one row; it has read all steps up to there."""

    reader: Reader
    mark: Mark


class _Settled(NamedTuple):
    """A settled place, behind `at` steps. fits: the sequence can be ended there within the length. failures: so often
    was it returned to."""

    at: int
    fits: bool
    failures: int = 0


class Row:
    """One row."""

    def __init__(self, start: Start, builder: Builder, reader: Reader) -> None:
        """reader: its own, of one row."""
        self.builder, self.reader, self.size, self.done = builder, reader, 1, False
        self._start = start
        self._places = [_Place(reader, builder.mark())]
        self._settled = [_Settled(0, self._closing(builder.guide, 0) is not None)]
        # Since there was progress, which is a settled place behind all that were left: failures, and places given up.
        self._failures = self._exhausted = self._far = 0
        self._reason = ""
        self._again = _lifted(start.sampling)
        self._shown, self._shown_count = builder.output.copy(), 0
        if not start.length:
            self._finish("length", 0)

    @property
    def sampling(self) -> Sampling:
        """How the next steps are drawn."""
        own = self._start.sampling
        certain = own.temperature == 0 or own.top_k == 1  # it would draw the same again
        return self._again if self._failures >= (1 if certain else TRIES) else own

    @property
    def left(self) -> int:
        """How many steps are still to be drawn."""
        return self._start.length - len(self.builder.steps)

    def how(self) -> Any:
        """How the next step is drawn."""
        return self.builder.how(self.sampling)

    def sure(self) -> Iterator[Piece]:
        """What has been added and cannot be taken back any more."""
        floor, steps = self._settled[0], self.builder.steps
        count = len(steps) if self.done else floor.at * floor.fits
        for at in range(self._shown_count, count):
            if at == len(steps) - self.builder.closed:
                yield self._shown.close()
            yield self._shown.add(steps[at])
        self._shown_count = max(count, self._shown_count)

    def take(self, steps: list[Any], log_probs: list[float], reader: Reader, word: int, quick: bool) -> None:
        """Judge steps, and go on behind them.

        reader: has read them all. word: the index of the random number of the first. quick: more can be drawn at once.
        """
        builder, base = self.builder, len(self.builder.steps)
        room = self.left
        count = builder.extend(steps[:room], log_probs[:room])
        guide, n, used = builder.guide, 0, self.sampling
        while n < count:
            n += guide.read_all(steps[n:count])
            builder.randomness.step = word + n  # what was drawn behind these may be drawn again
            if guide.verdict() is Verdict.IMPOSSIBLE:
                self.size = max(1, n - 1)
                self._refuse(base + n - 1)
                return
            if guide.settled() and not self._settle(base + n):
                return
            if n < count and self.sampling is not used:  # what follows must be drawn as always again
                self._return(base + n)
                return
        if quick:
            self.size = min(2 * self.size, LONGEST)
        if not self._ended():
            self.stand(reader)

    def judged(self) -> bool:
        """Judge the step that was drawn last, which the guide has read. Whether the row goes on behind it."""
        count, guide = len(self.builder.steps), self.builder.guide
        if guide.verdict() is Verdict.IMPOSSIBLE:
            self._refuse(count - 1)
            return False
        if guide.settled() and not self._settle(count):
            return False
        return not self._ended()

    def complete(self, attention: np.ndarray) -> bool:
        """Whether the steps so far are all, as what the model attends to says."""
        return self.builder.complete(attention) and self._ended()

    def stand(self, reader: Reader) -> None:
        """Go on from here. reader: has read all steps."""
        self.reader = reader
        if len(self.builder.steps) >= self._places[-1].mark.at + SPACING:
            self._keep()

    def _keep(self) -> None:
        self._places.append(_Place(self.reader, self.builder.mark()))
        if len(self._places) > PLACES:
            del self._places[1:-1:2]

    def _settle(self, count: int) -> bool:
        """Note a settled place. Whether the text goes on: it does not if its end hardly fits any more."""
        guide, settled = self.builder.guide, self._settled
        fits = self._closing(guide, count) is not None
        if not fits and any(one.fits for one in settled) and guide.closing() is not None:
            self._finish("length", count)
            return False
        if len(settled) > 1 and settled[-1].at < settled[-2].at + SPACING:
            settled.pop()
        settled.append(_Settled(count, fits))
        if count > self._far:
            self._failures = self._exhausted = 0
        if len(settled) > KEPT:
            first = next((n for n, one in enumerate(settled) if n and one.fits), None)
            if first is None:
                del settled[1]
            else:
                del settled[:first]
                while len(self._places) > 1 and self._places[1].mark.at <= settled[0].at:
                    del self._places[0]
        return True

    def _ended(self) -> bool:
        """Whether the row has ended with the last step; if so, end it well."""
        builder = self.builder
        if builder.output.stopped == "stop":
            self._stop()
        elif builder.output.stopped == "end":
            if builder.guide.verdict() is Verdict.VALID:
                self.done = True
            else:
                self._refuse(len(builder.steps) - 1)
        elif not self.left:
            self._finish("length", len(builder.steps))
        else:
            return False
        return True

    def _stop(self) -> None:
        """End at a stop string, which has been drawn."""
        count, part = self.builder.output.whole(self.builder.steps)
        guide = self._guide(count)
        guide.read_part(part)
        if guide.verdict() is Verdict.VALID:
            self.done = True
        else:
            self._finish("stop", count)

    def _refuse(self, count: int) -> None:
        """The step behind so many is refused."""
        builder, step = self.builder, self.builder.steps[count]
        last = count == len(builder.steps) - 1
        if last and builder.output.stopped == "stop" and builder.output.whole(builder.steps)[0] <= count:
            self._stop()  # the step belongs to the stop string, before which the text is cut
            return
        self._reason = builder.guide.reason or self._reason
        builder.discarded += 1
        if builder.discarded <= budget(self._start.length) and builder.guide.redraws(step):
            guide = self._guide(count)
            mask = guide.instead(step)
            if mask is not None and mask.any():
                self._return(count)
                self._redraw(mask)
                return
            if mask is not None and guide.verdict() is Verdict.VALID:
                self._return(count)
                builder.output.stopped, self.done = "end", True
                return
        self._rewind(count)

    def _redraw(self, mask: np.ndarray) -> None:
        """Draw one step, of those that are allowed."""
        builder, head, count = self.builder, self._start.head, len(self.builder.steps)
        usual = builder.guide.mask()
        how = builder.how(self.sampling, mask if usual is None else mask & usual)._replace(late=usual is None)
        distribution = head.distribution(self.reader.parameters)[0]
        builder.step(head.draw(distribution, how), how, distribution, self.reader.attention[0])
        if builder.guide.verdict() is Verdict.IMPOSSIBLE:
            self._reason = builder.guide.reason or self._reason
            builder.discarded += 1
            self._rewind(count)
        elif self.judged():
            reader = self.reader.copy()
            covariates = builder.covariates[None] if self._start.covariates else NONE
            reader.read(np.array(builder.steps[-1:]), covariates)
            self.stand(reader)

    def _rewind(self, count: int) -> None:
        """Go back from behind so many steps to a settled place."""
        settled = self._settled
        self._far = max(self._far, settled[-1].at)
        self._failures += 1
        if self.builder.discarded > budget(self._start.length):
            self._finish("refused", count)
            return
        if settled[-1].failures >= TRIES:
            self._exhausted += 1
            del settled[max(1, len(settled) - (1 << min(self._exhausted, KEPT) - 1)) :]
        settled[-1] = settled[-1]._replace(failures=settled[-1].failures + 1)
        self.builder.discarded += count - settled[-1].at
        self.builder.rewound += 1
        self._return(settled[-1].at)

    def _return(self, count: int) -> None:
        """Go back to the place behind so many steps."""
        builder, places = self.builder, self._places
        while places[-1].mark.at > count:
            places.pop()
        place = places[-1]
        at = place.mark.at
        known, log_probs = builder.steps[at:count], builder.log_probs[at:count]
        attention = builder.attention[at:count]
        builder.back(place.mark)
        self.reader = place.reader
        if known:
            covariates = self._read(builder.guide, known)
            builder.extend(known, log_probs, attention)
            self.reader = place.reader.copy()
            if isinstance(self.reader, Loops):
                self.reader.score(np.array(known))
            else:
                for _ in self.reader.read_all(np.array(known), covariates):
                    pass
            self._keep()

    def _read(self, guide: Guide, steps: Sequence[Any]) -> np.ndarray:
        """Read steps, and return the covariates of those after each: [N, D] float32."""
        if not self._start.covariates:
            at = 0
            while at < len(steps):
                at += guide.read_all(steps[at:])
            return NONE
        rows = []
        for step in steps:
            guide.read(step)
            rows.append(guide.covariates())
        return np.array(rows, np.float32)

    def _guide(self, count: int) -> Guide:
        """A guide at the place behind so many steps."""
        mark = next(place.mark for place in reversed(self._places) if place.mark.at <= count)
        guide = mark.guide.copy()
        self._read(guide, self.builder.steps[mark.at : count])
        return guide

    def _closing(self, guide: Guide, count: int) -> Sequence[Any] | None:
        """What ends the sequence well behind so many steps, if that fits into the length; else None."""
        if guide.verdict() is Verdict.VALID:
            return ()
        closing = guide.closing() if count < self._start.length else None
        if closing is None or len(closing) > self._start.length - count:
            return None
        if not closing:
            return ()
        guide = guide.copy()
        for step in closing:
            guide.read(step)
        return closing if guide.verdict() is Verdict.VALID else None

    def _finish(self, stopped: Stopped, count: int) -> None:
        """End the row at the newest place, of those behind no more than so many steps, where that is possible.

        Raises `UserError` if there is none.
        """
        builder = self.builder
        for at, closing in self._closable(count):
            lost, most = count - at, budget(self._start.length)
            if stopped == "length" and lost > count // 2 and 2 * (builder.discarded + lost) < most:
                self._rewind(count)  # too much would be lost: another try may find more
                return
            self._return(at)
            if not closing or self._close(closing):
                self.done = True
                builder.discarded += lost
                if builder.output.stopped == "unfinished":
                    builder.output.stopped = stopped
                return
        length = self._start.length
        reason = f" (refused last: {self._reason})" if self._reason else ""
        raise UserError(
            f"no valid text of {length:,} symbols or fewer was found{reason}. "
            "Ask for more symbols, or for another seed; change the prompt, or what must hold."
        )

    def _close(self, closing: Sequence[Any]) -> bool:
        """Write a closing. Whether all of it is in the output: the first line may be the last."""
        builder, steps = self.builder, np.array(closing)
        covariates, begin = self._read(builder.guide.copy(), closing), 0
        log_probs: list[float] = []
        for parameters in self.reader.copy().read_all(steps, covariates):
            part = steps[begin : begin + len(parameters)]
            log_probs += self._start.head.log_prob(parameters, part).tolist()
            begin += len(parameters)
        builder.output.close()
        builder.closed = len(closing)
        return builder.extend(closing, log_probs) == len(closing)

    def _closable(self, count: int) -> Iterator[tuple[int, Sequence[Any]]]:
        """Places where the sequence can be ended, newest first, and how."""
        floor = self._settled[0].at if self._settled[0].fits else 0
        wanted, at = {one.at for one in self._settled}, count
        while at >= floor:
            wanted.add(at)
            at -= 1 + (count - at) // SEARCHED
        for at in sorted(wanted, reverse=True):
            if floor <= at <= count and (closing := self._closing(self._guide(at), at)) is not None:
                yield at, closing


def _lifted(sampling: Sampling) -> Sampling:
    """The model's own distribution: without what narrows it."""
    wide = {"temperature": max(1.0, sampling.temperature), "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical": 1.0}
    return sampling.model_copy(update=wide)
