"""`rhapsode score`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.cli._scored import Collected, Output, Printed
from rhapsode.console import complete
from rhapsode.console.escapes import unescaped
from rhapsode.console.imports import unbroken
from rhapsode.console.options import (
    AllFiles,
    AsText,
    Encoding,
    Field,
    Flip,
    ModelName,
    Separator,
    TextSources,
    TrustPaths,
)
from rhapsode.console.output import CHUNK
from rhapsode.console.paint import no_colours
from rhapsode.console.progress import Lines, reporting
from rhapsode.errors import UserError
from rhapsode.files.inside import trusting
from rhapsode.report import QUIET

if TYPE_CHECKING:
    from rhapsode.data.sources import Sources
    from rhapsode.inference.dynamic import Rms
    from rhapsode.inference.model import Model
    from rhapsode.report import Report

MOST = 1 << 20
"""Bytes of training text that are read for `--dynamic-rms`."""
VIEWS = ("step", "line", "document", "color")


def score(
    model: ModelName,
    sources: TextSources,
    separator: Separator = None,
    field: Field = None,
    encoding: Encoding = None,
    as_text: AsText = False,
    all_files: AllFiles = False,
    given: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Score each document as the continuation of this text, which is not scored itself."
        ),
    ] = None,
    ignore_end: Annotated[
        bool, typer.Option("--ignore-end", help="Do not score the ends of documents: the texts are parts of documents.")
    ] = False,
    cold: Annotated[
        int | None,
        typer.Option(metavar="N", help="Cold windows: begin with a zero state every N steps, instead of carrying it."),
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="Dynamic evaluation: a copy of the weights learns as it scores.")
    ] = False,
    dynamic_rms: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            autocompletion=complete.sources,
            help="The same by RMS (Krause et al. 2018); this is training text, by which its rates are chosen.",
        ),
    ] = None,
    unk: Annotated[
        bool,
        typer.Option(
            "--unk", help="Codec words: also perplexity as papers have it; each word that is spelled is one <unk>."
        ),
    ] = False,
    cache: Annotated[
        bool,
        typer.Option("--cache", help="Mix predictions with what followed the last steps earlier in the text."),
    ] = False,
    per_document: Annotated[
        bool, typer.Option("--per-document", help="Print a table of the documents (or drawings, tunes, recordings).")
    ] = False,
    per_line: Annotated[bool, typer.Option("--per-line", help="Print a table of the lines.")] = False,
    per_step: Annotated[bool, typer.Option("--per-step", help="Print the surprise of each step, too.")] = False,
    color: Annotated[
        bool, typer.Option("--color", help="Print the text coloured by surprise (see also NO_COLOR, FORCE_COLOR).")
    ] = False,
    flip: Flip = None,
    trust_paths: TrustPaths = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure how well a model predicts texts.

    Log-likelihoods are exact: `compress` compresses a text to just this size. Each document is scored as in training:
    from a zero state, unless the reset policy is `never`; and with its end, if the model knows where documents end.
    Perplexity per word is e to the power of nats per word; words are what is between white space. Perplexity per step
    is that per token for the codecs words and bpe.
    """
    wanted = [view for view, asked in zip(VIEWS, (per_step, per_line, per_document, color), strict=True) if asked]
    if color and json:
        raise UserError("--color and --json do not go together; one of them must go.")
    if len(wanted) > 1 and not json:
        named = " and ".join("--color" if view == "color" else f"--per-{view}" for view in wanted)
        raise UserError(f"{named}: only one of them at a time can be printed. (--json takes several.)")

    with unbroken():
        from rhapsode.data.codecs.records import RecordCodec
        from rhapsode.inference.model import Model

    loaded = Model.load(model)
    if isinstance(loaded.codec, RecordCodec):
        from rhapsode.console.records import refuse_for_texts, score_records, turned

        for_texts = {
            "--document-separator": separator is not None,
            "--field": field is not None,
            "--encoding": encoding is not None,
            "--as-text": as_text,
            "--all-files": all_files,
            "--given": given is not None,
            "--ignore-end": ignore_end,
            "--cold": cold is not None,
            "--dynamic": dynamic,
            "--dynamic-rms": dynamic_rms is not None,
            "--unk": unk,
            "--cache": cache,
            "--per-line": per_line,
            "--per-step": per_step,
            "--color": color,
        }
        refuse_for_texts(loaded, for_texts, f" (--per-document says it of each {loaded.codec.record}.)")
        with trusting(trust_paths), turned(flip):
            score_records(loaded, sources, per_document, json)
        return
    separator = None if separator is None else unescaped(separator, "--document-separator")
    with unbroken():
        from rhapsode.data.sources import open_sources
        from rhapsode.inference.score import Score, Scorer

    dynamic |= dynamic_rms is not None
    how: dict[str, Any] = {
        "separator": separator,
        "field": field,
        "encoding": encoding,
        "as_text": as_text,
        "all_files": all_files,
    }
    if dynamic_rms == "-" and "-" in sources:
        raise UserError("--dynamic-rms - and SOURCE - both read standard input. Name a file for one of them.")
    rule = _rule(loaded, dynamic_rms, how) if dynamic_rms is not None and cold is None else None
    scorer = Scorer(loaded, prompt=given or "", cold=cold, dynamic=rule or dynamic, cache=cache, unknown=unk)
    options: dict[str, Any] = {
        "given": given,
        "ignore_end": ignore_end,
        "cold": cold,
        "dynamic": dynamic,
        "cache": cache,
    }
    if rule:
        options |= {"rule": "rms", "rate": rule.rate, "decay": rule.decay}
    plain = no_colours() if color else ""
    total, count = Score(0.0, 0, 0, 0), 0
    with _reporting(bool(wanted) and not json) as report:
        if plain:
            report.note(f"no colours: {plain}")
        opened = open_sources(sources, report=report.stage, **how)
        divided = separator is not None or field is not None
        out: Output
        if json:
            out = Collected(per_step, per_line, per_document, options)
        else:
            out = Printed(wanted[0] if wanted else "", divided or len(opened.files) > 1, not plain)
        for document in opened.documents(lambda done: report.stage("scoring", done), CHUNK):
            one = scorer.score(document, end=not ignore_end, on_step=out.begin(document))
            out.scored(document, one)
            total, count = total + one, count + 1
        if not count:
            raise UserError(f"nothing to score in {', '.join(sources)}: all of its documents are empty.")
        _tell(opened, count, divided, report)
    out.end(total, count)


def _rule(model: Model, source: str, how: dict[str, Any]) -> Rms:
    """RMS dynamic evaluation, as the training text decides. how: it is read, as what is scored."""
    from rhapsode.data.sources import open_sources
    from rhapsode.inference.dynamic import Rms

    with reporting() as report:
        pieces, size = list[bytes](), 0
        for piece in open_sources([source], report=report.stage, **how).pieces():
            pieces.append(piece.data)
            size += len(piece.data)
            if size >= MOST:
                break
        rule = Rms.of(model, b"".join(pieces), report)
        report.note(f"dynamic evaluation by RMS: rate {rule.rate:g}, decay {rule.decay:g}, chosen on {source}")
    return rule


def _reporting(streamed: bool) -> AbstractContextManager[Report]:
    """Progress, unless results are printed on the same terminal meanwhile."""
    return nullcontext(_Notes()) if streamed and sys.stdout.isatty() and not QUIET.get() else reporting()


class _Notes(Lines):
    """Only notes and warnings."""

    def stage(self, what: str, fraction: float | None = None) -> None:
        pass


def _tell(opened: Sources, documents: int, divided: bool, report: Report) -> None:
    """Messages about files that were left out or damaged; and, if files are divided into documents, how many there
    were."""
    from rhapsode.data.finder import reasons

    for note in opened.notes:
        report.note(note)
    if opened.skipped:
        report.note(f"Files left out: {reasons(opened.skipped)}.")
    for told in opened.damage:
        report.warn(told)
    if divided:
        found, warns = opened.told(documents)
        (report.warn if warns else report.note)(found)
