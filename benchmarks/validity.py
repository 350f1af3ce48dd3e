"""Output that needs no repair: how much is valid as models write it, how much with a constraint, and what that costs.

    RHAPSODE_DATA=folder python benchmarks/validity.py --minutes 10 --samples 100
    python benchmarks/validity.py --only python json --minutes 2 --keep models/
    python benchmarks/validity.py --check

A model is trained `--minutes` on each of: Python source (10 MB of the standard library and this environment), wiki
markup (the articles of enwik8, without the XML around them), LaTeX (algebra.tex of the Stacks project), and JSON (a
line for each function and class in the same Python source: its name, arguments, text, place; 5 MB). Then it writes
`--samples` texts of `--length` characters, plain and constrained, with the same seeds, behind a newline. Other
parsers than those of the constraints judge them: `ast.parse` and `compile`, `json.loads`; for wiki markup and LaTeX,
where there is none, a count of what opens and closes. A plain text is also judged without its last line, which the
length has cut: the share behind the slash.

Prints one Markdown table: share valid; characters a second of drawing, one sample at a time; bits per character of what
was drawn, under the model (the difference is what the constraint costs); how often a sample went back, and what was
thrown away for each character that was kept; the share of samples with a function (Python); characters that the closing
added, in the mean and at the most. Below it, the most frequent closings.

With `--check`, nothing is trained: it prints how many of the files of Python, sections of wiki markup and LaTeX, and
lines of JSON the constraints accept, what is wrong with the others, and how many bytes a second a constraint reads.
"""

from __future__ import annotations

import argparse
import ast
import html
import json
import math
import os
import re
import sysconfig
import tempfile
import time
import urllib.request
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rhapsode import registry
from rhapsode.data import datasets
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.inference.model import Model
from rhapsode.training.run import train

ALGEBRA = "https://raw.githubusercontent.com/stacks/stacks-project/master/algebra.tex"
SOURCE = 10_000_000
"""Bytes of Python source."""


def sources() -> Iterator[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    yield from (path for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts)
    yield from sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))


def python_data() -> str:
    """Files that this Python compiles."""
    parts, size = [], 0
    for path in sources():
        text = path.read_text("utf-8", errors="replace").replace("\r\n", "\n")
        if "\0" not in text and python_valid(text):
            parts.append(text.rstrip("\n") + "\n")
            size += len(text)
        if size > SOURCE:
            break
    return "".join(parts)


def json_data() -> str:
    """What is defined in the Python source, one object a line."""
    lines: list[str] = []
    size = 0
    for path in sources():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [*node.args.posonlyargs, *node.args.args]
                given = [None] * (len(names) - len(node.args.defaults)) + [*node.args.defaults]
                arguments = [
                    {"name": each.arg} | ({} if default is None else {"default": ast.unparse(default)})
                    for each, default in zip(names, given, strict=True)
                ]
                what = {"function": node.name, "arguments": arguments}
            elif isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                what = {"class": node.name, "bases": bases, "members": len(node.body)}
            else:
                continue
            about = {"file": path.name, "line": node.lineno, "decorated": bool(node.decorator_list)}
            lines.append(json.dumps(what | about | {"doc": ast.get_docstring(node)}, ensure_ascii=False))
            size += len(lines[-1]) + 1
        if size > SOURCE // 2:
            break
    return "\n".join(line for line in lines if line.isprintable()) + "\n"


def found(name: str) -> Path | None:
    """A file in $RHAPSODE_DATA, or in a folder of it."""
    folder = os.environ.get("RHAPSODE_DATA")
    if not folder:
        return None
    return next((path for path in [Path(folder, name), *Path(folder).glob(f"*/{name}")] if path.is_file()), None)


def wiki_data() -> str:
    path = found("enwik8.head") or next(iter(datasets.get("enwik8").paths.values()))
    with path.open("rb") as file:
        dump = file.read(20_000_000).decode("utf-8", errors="ignore")
    pages = re.findall(r'<text xml:space="preserve">(.*?)</text>', dump, re.DOTALL)
    return "\n\n".join(html.unescape(page) for page in pages if not page.lower().startswith("#redirect"))


def latex_data() -> str:
    path = found("algebra.tex")
    if path is not None:
        return path.read_text("utf-8")
    with urllib.request.urlopen(ALGEBRA) as answer:
        data: bytes = answer.read()
    return data.decode()


def python_valid(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
            compile(text, "sample", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def json_valid(text: str) -> bool:
    """Values with white space between them, at least one."""
    decoder, at, text = json.JSONDecoder(), 0, text.strip()
    try:
        while at < len(text):
            _, end = decoder.raw_decode(text, at)
            at = end + len(text[end:]) - len(text[end:].lstrip())
            if at == end < len(text):
                return False
    except ValueError:
        return False
    return bool(text)


def wiki_valid(text: str) -> bool:
    """As many open as close, never fewer so far; italics and bold, and headings, end with the line."""
    text = re.sub(r"<(nowiki|math|pre|source)\b[^>/]*>.*?</\1>", "", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    tags = r"<(/?)(ref|small|sub|sup|div|span|center|blockquote|big|u|s|b|i|font|table|gallery)\b[^<>]*?(/?)>"
    table = r"(?:(?<=\n)|^)[ :]*\{\||(?:(?<=\n)|^)\s*\|\}(?!\})"
    marks = re.compile(rf"\[\[|\]\]|\{{\{{|\}}\}}|{table}|{tags}", re.IGNORECASE)
    opened: list[str] = []
    for mark in marks.finditer(text):
        word = mark[0].strip(" :\n")
        if mark[2]:
            if mark[3]:
                continue
            name = mark[2].lower()
            if mark[1]:
                if not opened or opened.pop() != name:
                    return False
            else:
                opened.append(name)
        elif word in ("[[", "{{", "{|"):
            opened.append(word)
        elif not opened or opened.pop() != {"]]": "[[", "}}": "{{", "|}": "{|"}[word]:
            return False
    for line in text.split("\n"):
        runs = [len(run) for run in re.findall("''+", line)]
        italic, bold = sum(n == 2 or n > 4 for n in runs) % 2, sum(n > 2 for n in runs) % 2
        if (italic != bold) or (line.startswith("=") and not re.fullmatch(r"(=+)[^=].*\1\s*", line)):
            return False
    return not opened and "<!--" not in text


def latex_valid(text: str) -> bool:
    """Braces, environments and dollars close, in order."""
    text = re.sub(r"\\[^A-Za-z()\[\]]|%[^\n]*", " ", text)
    opened: list[str] = []
    marks = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}|\\(left|right)(?![A-Za-z])|\$|\{|\}|\\[()\[\]]")
    ends = {"}": "{", "\\)": "\\(", "\\]": "\\[", "right": "left"}
    second = -1  # where the second $ of $$ stands
    for mark in marks.finditer(text):
        word = mark[3] or mark[0]
        if mark.start() == second:
            continue
        if word == "$" and opened[-1:] != ["$"] and text[mark.end() : mark.end() + 1] == "$":
            word, second = "$$", mark.end()
        if mark[1]:
            if mark[1] == "begin":
                opened.append("begin " + mark[2])
            elif not opened or opened.pop() != "begin " + mark[2]:
                return False
        elif word in ("$", "$$"):
            if opened and opened[-1] == word:
                opened.pop()
            elif opened[-1:] == ["$$"]:
                return False
            else:
                opened.append(word)
        elif word in ends:
            if not opened or opened.pop() != ends[word]:
                return False
        else:
            opened.append(word)
    return not opened


PROMPT = "\n"
"""At the beginning of a line: a model that was trained on one long text begins in the middle of one."""
KINDS: dict[str, tuple[Callable[[], str], Callable[[str], bool]]] = {
    "python": (python_data, python_valid),
    "wiki": (wiki_data, wiki_valid),
    "latex": (latex_data, latex_valid),
    "json": (json_data, json_valid),
}
"""Name of the constraint → data, judge."""


HEAD = (
    "| | valid, plain / without the last line | valid, constrained | characters a second, plain | constrained "
    "| bits per character, plain | constrained | went back | thrown away per character | with a function "
    "| closing, mean / most | characters |"
)


def functions(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(text)))


def measure(name: str, model: Model, samples: int, length: int, show: bool) -> tuple[str, str]:
    """A row of the table, and the closings."""
    judge = KINDS[name][1]
    seconds, bits, shares, whole = {}, {}, {}, {}
    for valid in (None, name):
        begun, drawn = time.perf_counter(), []
        for row in range(samples):
            drawn += model.generate(PROMPT, length=length, seed=7, row=row, valid=valid)
        seconds[valid] = time.perf_counter() - begun
        texts = [sample.text for sample in drawn]
        characters = sum(map(len, texts))
        bits[valid] = -sum(sum(sample.log_probs) for sample in drawn) / math.log(2) / max(1, characters)
        shares[valid] = sum(judge(PROMPT + text) for text in texts) / samples
        whole[valid] = sum(judge(PROMPT + text.rpartition("\n")[0] + "\n") for text in texts) / samples
        seconds[valid] = characters / seconds[valid]
        if show:
            for text in texts[:3]:
                print(f"--- {name}, {'constrained' if valid else 'plain'}\n{text}\n", flush=True)
    # A symbol is a character here.
    closings = Counter(sample.text[len(sample.text) - sample.closed :] for sample in drawn if sample.closed)
    added = [len(text) for text in closings.elements()]
    defining = sum(map(functions, texts)) / samples if name == "python" else math.nan
    rewound = sum(sample.rewound for sample in drawn) / samples
    discarded = sum(sample.discarded for sample in drawn) / max(1, characters)
    row = (
        f"| {name} | {shares[None]:.0%} / {whole[None]:.0%} | {shares[name]:.0%} | {seconds[None]:,.0f} | "
        f"{seconds[name]:,.0f} | {bits[None]:.3f} | {bits[name]:.3f} | {rewound:.1f} | {discarded:.2f} | "
        f"{'' if math.isnan(defining) else f'{defining:.0%}'} | {sum(added) / samples:.1f} / {max(added, default=0)} | "
        f"{characters / samples:.0f} |"
    )
    most = ", ".join(f"{text!r} {count}" for text, count in closings.most_common(8))
    return row, f"{name}: {len(added)} of {samples} samples were closed, most often with: {most}"


def check(name: str) -> str:
    """What a constraint says of real texts, and how fast."""
    if name == "python":
        paths = [path for path, _ in zip(sources(), range(300), strict=False)]
        units = [path.read_bytes() for path in paths if python_valid(path.read_text("utf-8", errors="replace"))]
    else:
        cut = {"json": r"(?<=\n)", "wiki": r"\n(?===[^=])|\n\n(?=\{\{|\'\'\')", "latex": r"\n(?=\\section\{)"}[name]
        units = [unit.encode() for unit in re.split(cut, KINDS[name][0]())]
        if name == "latex":
            units = units[1:-1]  # the document begins and ends there
        units = [unit for unit in units if unit.strip()]
    kind: type[Constraint] = registry.get("constraint", name)
    valid, begun, reasons = 0, time.perf_counter(), Counter[str]()
    for unit in units:
        constraint = kind()
        if constraint.read(unit) is Verdict.VALID:
            valid += 1
        else:
            reasons[constraint.reason.partition(": ")[2] or "incomplete"] += 1
    speed = sum(map(len, units)) / (time.perf_counter() - begun)
    some = b"".join(units)[:100_000]
    constraint, begun = kind(), time.perf_counter()
    for i in range(len(some)):
        constraint.read(some[i : i + 1])
    single = len(some) / (time.perf_counter() - begun)
    lines = [f"{name}: {valid} of {len(units)} valid; {speed:,.0f} bytes a second, {single:,.0f} one by one"]
    return "\n".join(lines + [f"    {count} {reason[:90]}" for reason, count in reasons.most_common(5)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, each model")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--length", type=int, default=500)
    parser.add_argument("--only", nargs="+", choices=sorted(KINDS), default=list(KINDS))
    parser.add_argument("--keep", type=Path, help="folder for data and models; those that are there are used again")
    parser.add_argument("--show", action="store_true", help="print three samples of each sort")
    parser.add_argument("--check", action="store_true", help="train nothing; what the constraints say of real texts")
    options = parser.parse_args()
    if options.check:
        for name in options.only:
            print(check(name), flush=True)
        return
    notes = []
    print(HEAD + "\n|---|" + "---|" * 11, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only:
            folder = (options.keep or Path(scratch)) / name
            if not (folder / "model.safetensors").exists():
                folder.mkdir(parents=True, exist_ok=True)
                data = folder.with_suffix(".txt")
                data.write_text(KINDS[name][0](), "utf-8")
                if not train([str(data)], folder, minutes=options.minutes).finished:
                    raise SystemExit("interrupted")
            row, note = measure(name, Model.load(folder), options.samples, options.length, options.show)
            print(row, flush=True)
            notes.append(note)
    print("", *notes, sep="\n")


if __name__ == "__main__":
    main()
