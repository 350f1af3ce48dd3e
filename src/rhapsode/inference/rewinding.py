"""Rewinding: generation that goes back from what a guide refuses, and draws again.

The past of an LSTM is one small state, so a place in a text costs little to keep, and going back to it is free. Steps
are drawn as always, many at a time where the kernel draws, which leaves a *trail*: the state behind each of them. Then
each step is given to the guide:

- A step that the guide refuses (its verdict is `IMPOSSIBLE`) is thrown away. If the guide knows what may be drawn
  instead of it, that one step is drawn again, under this mask. Free first, and under the mask only if that is refused,
  gives the masked distribution: p + (1 - Z) p / Z = p / Z, where Z is the probability of all that is allowed. (Here, p
  is what the options of sampling leave; where the mask leaves nothing of that, they act on what the mask leaves.)
- Else, if the guide knows which steps are at fault, generation goes back to the first of them, and draws another step
  in its place, a few times.
- Else, it goes back to the last *settled* place, and draws on with the next random numbers. After some failures there,
  it goes back farther, and draws from the model's own distribution, whatever the options of sampling.
- When all steps are drawn, at a stop string, or when too much was refused, the newest place is taken at which the text
  is valid, or has a *closing* that fits into the length. The closing is written there.

Nothing depends on how many steps are drawn at a time, so a sample is the same alone, in a batch, and streamed.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.codecs.output import Piece, Stopped
from rhapsode.data.constraint import Verdict
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.inference import rows as side_by_side
from rhapsode.inference.builders import Builder, Mark, Start
from rhapsode.inference.loops import Loops, Trail
from rhapsode.inference.reader import NONE, Reader
from rhapsode.inference.rows import Rows
from rhapsode.nn.heads._head import Drawn
from rhapsode.nn.samplers import Draw

KEPT = 8
"""At least so many settled places can be returned to, at most twice as many. What is older stands."""
SPACING = 16
"""Settled places are so many steps apart at least, but for the newest."""
TRIES = 8
"""So often is a settled place returned to. Then generation goes back farther: by one place, by two, by four."""
FEW = 2
"""So often are other steps drawn in the place of one that is at fault. Then generation goes back to a settled place."""
LONGEST = 128
"""The most steps drawn at a time."""
CALL = 32
"""To draw steps at once costs about as much as so many more of them."""
LONG = 0.1
"""Fewer steps are drawn at a time where this takes more seconds."""
STRETCHES = 64
"""The most stretches kept."""
TRAILS = 4
"""Of so many stretches, the newest, the places behind all of their steps are kept."""
SEARCHED = 16
"""At the end, so many places are tried one by one; then only each second one, for as many steps, and so on."""
TOGETHER = 8
"""So many of them are prepared at a time."""


def budget(length: int) -> int:
    """The most steps that are thrown away for a sample of this length."""
    return 10 * length + 2_000


def draw(start: Start, builders: list[Builder], pieces: bool = False) -> Iterator[Piece]:
    """Draw all rows to their ends. pieces: yields what is added, as soon as it cannot be taken back; one row only.

    Raises `UserError` if no valid end is found.
    """
    rows = [begun(start, builder) for builder in builders]
    while alive := [row for row in rows if not row.done]:
        advance(alive)
        if pieces:
            yield from rows[0].sure()
    if pieces:
        yield from rows[0].sure()


def begun(start: Start, builder: Builder, on_error: Callable[[Exception], None] | None = None) -> Row:
    """A row behind the prompt. on_error: see `Row`."""
    if not isinstance(start.reader, Reader):
        raise ValueError("a guide that judges needs a network that reads its own steps")
    return Row(start, builder, _At(start.reader), on_error)


def advance(rows: list[Row]) -> None:
    """Draw some steps in each of these rows of one model, none of which is done. They may be of several requests."""
    fast = [row for row in rows if isinstance(row.start.reader, Loops) and _free(row.start.guide)]
    others = [row for row in rows if row not in fast]
    if fast:
        _chunk(fast)
    if others:
        _step(others)


def _free(guide: Guide) -> bool:
    """Whether the guide only judges: nothing must be asked of it before a step is drawn."""
    names = ("covariates", "mask", "canonical")
    return all(getattr(type(guide), name) is getattr(Guide, name) for name in names)


class _At(NamedTuple):
    """A place: this row of a reader, or of a trail behind so many steps."""

    among: Any
    row: int = 0
    behind: int = 0

    def reader(self) -> Any:
        """A reader of this row alone."""
        return _reader([self])


def _reader(places: Sequence[_At]) -> Any:
    """A reader with these rows, all of one reader or trail."""
    among = places[0].among
    index = [place.row for place in places]
    if isinstance(among, Trail):
        return among.take(index, [place.behind for place in places])
    return among.copy() if among.rows == 1 == len(index) else among.take(index)


def _joined(rows: list[Row]) -> tuple[list[Row], Rows[Row]]:
    """These rows side by side, and the order in which they are."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(id(row.place.among), []).append(row)
    first, *others = [_reader([row.place for row in group]) for group in groups.values()]
    ordered, start = [row for group in groups.values() for row in group], rows[0].start
    return ordered, Rows(start.head, start.covariates, first.joined(others) if others else first, ordered)


class _Chunk(NamedTuple):
    """Steps that are drawn at once. before: a reader that stands before them; most: so many are to be drawn at once the
    next time, not more."""

    before: Any
    trail: Trail
    most: int


def _chunk(rows: list[Row]) -> None:
    """Draw some steps in each row, as the engine does it, and judge them."""
    rows, drawing = _joined(rows)
    before, trail = drawing.reader.copy(), Trail()
    count = max(1, min(sum(row.size for row in rows) // len(rows), max(row.left for row in rows)))
    begun = time.perf_counter()
    drawn = drawing.drawn(count, trail=trail)
    if drawn is None:
        return
    most = count // 2 if time.perf_counter() - begun > LONG else LONGEST
    for n, row in enumerate(rows):
        row.drawn_in(_Chunk(before, trail, most), n)
    drawing.taken(*drawn)
    if len(drawn[0]) < count and (alive := [row for row in rows if not row.done]):
        _step(alive)  # a unit begins after the next step, of which only the text tells


def _step(rows: list[Row]) -> None:
    """Draw one step in each row, and judge it."""
    _, drawing = _joined(rows)
    drawing.step()
    for at, row in enumerate(drawing.rows):
        row.stand(_At(drawing.reader, at))


class _Stretch:
    """Steps of a row that were drawn together.

    mark, place: before them. trail: the places behind each of them; so many, `known`, still are in the row.
    """

    def __init__(self, mark: Mark, place: _At) -> None:
        self.mark, self.place, self.trail, self.known = mark, place, Trail(), 0


class _Settled(NamedTuple):
    """A settled place, behind `at` steps, where the guide stood so. failures: so often was it returned to."""

    at: int
    guide: Guide
    failures: int = 0


class Row(side_by_side.Row):
    """One row. done: it has ended well."""

    def __init__(
        self, start: Start, builder: Builder, place: _At, on_error: Callable[[Exception], None] | None = None
    ) -> None:
        """on_error: is told what failed in this row, which is done then. None: it is raised."""
        super().__init__(builder, start.length)
        self.start, self.place, self.done = start, place, False
        self._on_error, self._stays = on_error, False
        self._chunk, self._among, self._word = _Chunk(None, Trail(), 0), 0, 0
        self._stretches = [_Stretch(builder.mark(), place)]
        self._settled = [_Settled(0, builder.guide.copy())]
        # Since there was progress, which is a settled place behind all that were left: failures, and places given up.
        self._failures = self._exhausted = self._far = 0
        self._judged = self._refused = 0
        self._spot, self._gone = 0, set[Any]()  # where a step is drawn again, and those that are not to be drawn there
        self._most = CALL
        self._last = builder.guide  # the last one that refused a step
        self._again = _lifted(start.sampling)
        self._shown, self._shown_count = builder.output.copy(), 0
        if not start.length:
            self._finish("length", 0)

    @property
    def size(self) -> int:
        """How many steps are best drawn at a time. Where one of `gap` is refused, n² / 2 gap of n are drawn in vain."""
        gap = (self._judged + LONGEST) / (self._refused + 1)
        return max(1, min(self._most, int((2 * CALL * gap) ** 0.5)))

    @property
    def sampling(self) -> Sampling:
        """How the next steps are drawn."""
        own = self.start.sampling
        certain = own.temperature == 0 or own.top_k == 1  # it would draw the same again
        return self._again if self._failures >= (1 if certain else TRIES) else own

    @property
    def goes_on(self) -> bool:
        """Whether it goes on behind the step that was judged last."""
        return self._stays and not self.done

    def how(self) -> Draw:
        self._word = self.builder.randomness.step
        return self.builder.how(self.sampling)

    def sure(self) -> Iterator[Piece]:
        """What has been added and cannot be taken back any more."""
        steps = self.builder.steps
        count = len(steps) if self.done else self._settled[0].at
        for at in range(self._shown_count, count):
            if at == len(steps) - self.builder.closed:
                yield self._shown.close()
            yield self._shown.add(steps[at])
        self._shown_count = max(count, self._shown_count)

    def drawn_in(self, chunk: _Chunk, among: int) -> None:
        """The steps that are taken next were drawn in this chunk, as row number `among`."""
        self._chunk, self._among = chunk, among

    def _begin(self, place: _At, trail: Trail) -> None:
        """From here, steps are drawn, which leave this trail."""
        self._keep(place)
        self._stretches[-1].trail, self._stretches[-1].known = trail, LONGEST
        for old in self._stretches[-1 - TRAILS : -TRAILS]:
            old.trail, old.known = Trail(), 0
        self.place = _At(trail, place.row)

    def take(self, steps: list[Any], log_probs: list[float]) -> None:
        """Judge steps, and go on behind them."""
        if not steps:
            return
        chunk, word = self._chunk, self._word
        self._begin(_At(chunk.before, self._among), chunk.trail)
        builder, base = self.builder, len(self.builder.steps)
        count = builder.extend(steps, log_probs)
        guide, used = builder.guide, self.sampling
        self._most = min(2 * self._most, chunk.most)
        for n in guide.read_all(steps[:count]):
            builder.randomness.step = word + n  # what was drawn behind these may be drawn again
            if guide.verdict() is Verdict.IMPOSSIBLE:
                self._judged += n
                self._refuse(base + n - 1)
                return
            if guide.settled():
                self._settle(base + n, guide.copy())
                if n < count and self.sampling is not used:  # what follows must be drawn as always again
                    self._return(base + n)
                    return
        self._judged += count
        if not self._ended():
            self.place = self.place._replace(behind=count)

    def step(self, drawn: Drawn, how: Draw, distribution: np.ndarray, attention: np.ndarray) -> None:
        self.builder.step(drawn, how, distribution, attention)
        self._stays = self._judged_last()

    def failed(self, error: Exception) -> None:
        if self._on_error is None:
            raise error
        self.done = True
        self._on_error(error)

    def _judged_last(self) -> bool:
        """Judge the step that was drawn last, which the guide has read. Whether the row goes on behind it."""
        count, guide = len(self.builder.steps), self.builder.guide
        if guide.verdict() is Verdict.IMPOSSIBLE:
            self._refuse(count - 1)
            return False
        if guide.settled():
            self._settle(count, guide.copy())
        return not self._ended()

    def complete(self, attention: np.ndarray) -> bool:
        """Whether the steps so far are all, as what the model attends to says."""
        self._stays = False
        return self.builder.complete(attention) and self._ended()

    def stand(self, place: _At) -> None:
        """Go on from here."""
        self.place = place
        if len(self.builder.steps) >= self._stretches[-1].mark.at + SPACING:
            self._keep(place)

    def _keep(self, place: _At) -> None:
        """A stretch begins here."""
        stretches = self._stretches
        if stretches[-1].mark.at == len(self.builder.steps):
            stretches[-1].place, stretches[-1].known = place, 0
            return
        stretches.append(_Stretch(self.builder.mark(), place))
        if len(stretches) > STRETCHES:
            del stretches[1:-TRAILS:2]

    def _settle(self, count: int, guide: Guide) -> None:
        """Note a settled place. guide: its own."""
        settled = self._settled
        if len(settled) > 1 and settled[-1].at < settled[-2].at + SPACING:
            settled.pop()
        settled.append(_Settled(count, guide))
        if count > self._far:
            self._failures = self._exhausted = 0
        if len(settled) > 2 * KEPT:
            # The oldest one that is left must be an end, if need be.
            first = next((n for n in range(KEPT, 0, -1) if self._closing(*settled[n][:2]) is not None), 0)
            del settled[:first]
            if not first:
                del settled[1:KEPT]
            while len(self._stretches) > 1 and self._stretches[1].mark.at <= settled[0].at:
                del self._stretches[0]

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
        self._last = builder.guide
        self._refused += 1
        builder.discarded += 1
        if builder.discarded <= budget(self.start.length) and builder.guide.redraws(step):
            guide = self._guide(count)
            mask = guide.instead(step)
            if mask is not None and mask.any():
                self._return(count, guide)
                self._redraw(mask)
                return
            if mask is not None and guide.verdict() is Verdict.VALID:
                self._return(count, guide)
                builder.output.stopped, self.done = "end", True
                return
        at = self._settled[-1].at
        sound = builder.guide.sound(builder.steps[at : count + 1])
        if sound is not None and self._spared(at + sound, count):
            return
        self._rewind(count)

    def _spared(self, at: int, count: int) -> bool:
        """Go back no farther than to what is at fault, if that was not tried too often, and draw another step in its
        place. Whether that was done."""
        builder = self.builder
        self._spot, self._gone = at, {*(self._gone if self._spot == at else ()), builder.steps[at]}
        mask = np.ones(self.start.head.steps.choices, bool)
        mask[list(self._gone)] = False
        if len(self._gone) > FEW or builder.discarded > budget(self.start.length) or not mask.any():
            return False
        builder.discarded += count - at
        builder.rewound += at < count
        self._return(at)
        self._redraw(mask)
        return True

    def _redraw(self, mask: np.ndarray) -> None:
        """Draw one step, of those that are allowed."""
        builder, head, count = self.builder, self.start.head, len(self.builder.steps)
        usual, reader = builder.guide.mask(), self.place.reader()
        how = builder.how(self.sampling, mask if usual is None else mask & usual)._replace(late=usual is None)
        distribution = head.distribution(reader.parameters)[0]
        builder.step(head.draw(distribution, how), how, distribution, reader.attention[0])
        if builder.guide.verdict() is Verdict.IMPOSSIBLE:
            self._last = builder.guide
            builder.discarded += 1
            self._rewind(count)
        elif self._judged_last():
            covariates = builder.covariates[None] if self.start.covariates else NONE
            reader.read(np.array(builder.steps[-1:]), covariates)
            self.stand(_At(reader))

    def _rewind(self, count: int) -> None:
        """Go back from behind so many steps to a settled place."""
        settled = self._settled
        self._far = max(self._far, settled[-1].at)
        self._failures += 1
        if self.builder.discarded > budget(self.start.length):
            self._finish("refused", count)
            return
        if settled[-1].failures >= TRIES:
            self._exhausted += 1
            del settled[max(1, len(settled) - (1 << min(self._exhausted, KEPT) - 1)) :]
        settled[-1] = settled[-1]._replace(failures=settled[-1].failures + 1)
        self.builder.discarded += count - settled[-1].at
        self.builder.rewound += 1
        self._return(settled[-1].at, settled[-1].guide)

    def _return(self, count: int, guide: Guide | None = None) -> None:
        """Go back to the place behind so many steps, where the guide stood so, if that is known."""
        builder, stretches = self.builder, self._stretches
        while stretches[-1].mark.at > count:
            stretches.pop()
        stretch = stretches[-1]
        at = stretch.mark.at
        known, log_probs = builder.steps[at:count], builder.log_probs[at:count]
        attention = builder.attention[at:count]
        builder.back(stretch.mark if guide is None else stretch.mark._replace(guide=guide))
        covariates = self._read(builder.guide, known) if guide is None else NONE
        builder.extend(known, log_probs, attention)
        if not known:
            self.place = stretch.place
        elif len(known) <= stretch.known:
            self.place = _At(stretch.trail, stretch.place.row, len(known))
        else:
            if self.start.covariates and guide is not None:
                covariates = self._read(stretch.mark.guide.copy(), known)
            reader = stretch.place.reader()
            for _ in reader.read_all(np.array(known), covariates):
                pass
            self.place = _At(reader)
            self._keep(self.place)
        stretch.known = min(stretch.known, len(known))

    def _read(self, guide: Guide, steps: Sequence[Any]) -> np.ndarray:
        """Read steps, and return the covariates of those after each: [N, D] float32."""
        if not self.start.covariates:
            for _ in guide.read_all(steps):
                pass
            return NONE
        rows = []
        for step in steps:
            guide.read(step)
            rows.append(guide.covariates())
        return np.array(rows, np.float32)

    def _guide(self, count: int) -> Guide:
        """A guide at the place behind so many steps."""
        mark = next(stretch.mark for stretch in reversed(self._stretches) if stretch.mark.at <= count)
        place = next((one for one in reversed(self._settled) if one.at <= count), self._settled[0])
        at, guide = (place.at, place.guide) if mark.at < place.at <= count else (mark.at, mark.guide)
        guide = guide.copy()
        self._read(guide, self.builder.steps[at:count])
        return guide

    def _closing(self, count: int, guide: Guide) -> Sequence[Any] | None:
        """What ends the sequence well behind so many steps, if that fits into the length; else None."""
        room = self.start.length - count
        closing = guide.closing() if room or guide.verdict() is Verdict.VALID else None
        return None if closing is None or len(closing) > room else closing

    def _finish(self, stopped: Stopped, count: int) -> None:
        """End the row at the newest place, of those behind no more than so many steps, where that is possible.

        Raises `UserError` if there is none.
        """
        builder = self.builder
        for at, guide, closing in self._closable(count):
            lost, most = count - at, budget(self.start.length)
            if stopped == "length" and lost > count // 2 and 2 * (builder.discarded + lost) < most:
                self._rewind(count)  # too much would be lost: another try may find more
                return
            self._return(at, guide)
            if not closing or self._close(closing):
                self.done = True
                builder.discarded += lost
                if builder.output.stopped == "unfinished":
                    builder.output.stopped = stopped
                return
        length = self.start.length
        if count and stopped == "length" and 2 * (builder.discarded + count) < budget(length):
            del self._settled[1:]
            self._rewind(count)  # another beginning may have an end
            return
        reason = f" (refused last: {self._last.reason})" if self._last.reason else ""
        raise UserError(
            f"no valid text of {length:,} symbols or fewer was found{reason}. "
            "Ask for more symbols, or for another seed; change the prompt, or what must hold."
        )

    def _close(self, closing: Sequence[Any]) -> bool:
        """Write a closing. Whether all of it is in the output: the first line may be the last."""
        builder, steps = self.builder, np.array(closing)
        covariates, begin = self._read(builder.guide.copy(), closing), 0
        log_probs: list[float] = []
        for parameters in self.place.reader().read_all(steps, covariates):
            part = steps[begin : begin + len(parameters)]
            log_probs += self.start.head.log_prob(parameters, part).tolist()
            begin += len(parameters)
        builder.output.close()
        builder.closed = len(closing)
        return builder.extend(closing, log_probs) == len(closing)

    def _closable(self, count: int) -> Iterator[tuple[int, Guide, Sequence[Any]]]:
        """Places where the sequence can be ended, newest first, the guide there, and how."""
        floor, at = self._settled[0].at, count
        wanted = {one.at for one in self._settled if one.at <= count}
        while at >= floor:
            wanted.add(at)
            at -= 1 + (count - at) // SEARCHED
        left = sorted(wanted)
        while left:
            some = left[-TOGETHER:]
            del left[-TOGETHER:]
            guides = [self._guide(some[0])]
            for before, at in itertools.pairwise(some):
                guides.append(guides[-1].copy())
                self._read(guides[-1], self.builder.steps[before:at])
            for at, guide in zip(reversed(some), reversed(guides), strict=True):
                if (closing := self._closing(at, guide)) is not None:
                    yield at, guide, closing


def _lifted(sampling: Sampling) -> Sampling:
    """The model's own distribution: without what narrows it."""
    wide = {"temperature": max(1.0, sampling.temperature), "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical": 1.0}
    return sampling.model_copy(update=wide)
