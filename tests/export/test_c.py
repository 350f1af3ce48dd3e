"""Models as C: compiled by the machine's compiler, they write what `generate` writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rhapsode.errors import UserError
from rhapsode.export._target import Order
from rhapsode.export.c import make
from rhapsode.inference.model import Model
from rhapsode.nn.samplers import Sampling
from tests.conftest import MakeModel

COMPILER = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1", "-DBOOK_MAIN"]

FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "one-hot": {"embedding": 0},
    "two layers": {"layers": 2, "width": 5},
    "skip": {"layers": 3, "skip": True, "width": 7},
    "residual": {"layers": 3, "residual": True},
    "tied": {"tied": True, "embedding": 12},
    "peephole": {"cell": "peephole"},
    "rnn": {"cell": "rnn"},
    "documents": {"codec": "chars+end", "reset": "document"},
    "lines": {"reset": "line"},
    "every": {"reset": "every:17"},
    "bytes": {"codec": "bytes"},
    "words": {"codec": "words"},
    "bpe": {"codec": "bpe"},
    "halves": {"codec": "chars+end", "options": {"min_count": 1_000_000}, "reset": "document"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("c")


def compiled(model: Model, folder: Path) -> Path:
    if COMPILER is None:
        pytest.skip("there is no C compiler")
    (folder / "book.c").write_bytes(make(Order(model, "book.c"))["book.c"])
    program = folder / "book"
    subprocess.run([COMPILER, *FLAGS, str(folder / "book.c"), "-o", str(program)], check=True)
    return program


@pytest.mark.parametrize("form", FORMS)
def test_it_writes_what_generate_writes(form: str, folder: Path, tiny_model: MakeModel) -> None:
    model = tiny_model(**FORMS[form]).quantised()
    program = compiled(model, folder)
    for seed, temperature, prompt in ((1, 1.0, ""), (2**63, 0.7, "The"), (3, 0.0, "s\né"), (4, 1.7, "Æ")):
        if prompt and not form.startswith(("plain", "halves", "bytes", "lines")):
            prompt = ""
        wanted = model.generate(prompt, length=120, seed=seed, sampling=Sampling(temperature=temperature))[0]
        arguments = [str(seed), "120", str(temperature), prompt]
        told = subprocess.run([program, *arguments], check=True, capture_output=True).stdout
        if form == "lines":  # `generate` ends with the line
            assert told.startswith(wanted.data)
        else:
            assert told == wanted.data


def test_no_word_of_the_file_or_the_licence_means_anything(tiny_model: MakeModel) -> None:
    text = make(Order(tiny_model(), "NAMES.c", "NAME_MAIN */ *\\\n/ VERSION"))["NAMES.c"].decode()
    assert "#ifdef NAMES_MAIN" in text and "NAMES_next" in text
    assert "Licence: NAME_MAIN * / *\\ / VERSION." in text


def test_what_it_says_of_itself(tiny_model: MakeModel) -> None:
    model = tiny_model()
    text = make(Order(model, "9 lives.c", "cc-by-4.0"))["9 lives.c"].decode()
    assert "model_9_lives_next" in text and "NAME" not in text
    assert model.quantised().digest in text and "Licence: cc-by-4.0." in text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"framing": "many-to-one", "length": 4}, "framing is many-to-one"),
        ({"reset": "chapter"}, "'chapter'"),
        ({"codec": "strokes"}, "its codec is strokes"),
    ],
)
def test_models_that_have_no_form_in_c(form: dict[str, Any], said: str, tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match=said):
        make(Order(tiny_model(**form), "book.c"))
