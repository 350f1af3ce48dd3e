"""Clients that others wrote, as they are, each in a process of its own.

They live in another environment, which `make clients` makes: RHAPSODE_CLIENTS is its Python. Those that are not
installed are skipped.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.model import Model
from tests.serving.conftest import serving

PYTHON = os.environ.get("RHAPSODE_CLIENTS") or sys.executable
PROMPT = "Sing, goddess"
DOCS = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


def shown(pattern: str, address: str) -> str:
    """What the documentation shows, a group of a pattern, with the address of a server of the tests."""
    found = re.search(pattern, DOCS, re.DOTALL)
    assert found, pattern
    return found[1].replace("http://127.0.0.1:8000", address)


def needs(module: str) -> None:
    """Skip the test unless a client can be imported."""
    find = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    if subprocess.run([PYTHON, "-c", find], capture_output=True).returncode:
        pytest.skip(f"{module} is not installed: make clients")


def run(folder: Path, *arguments: str, **environment: str) -> str:
    """What Python prints with these arguments, in a folder. It sees no settings and no keys of who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "LANG", "LLM", "HF"))}
    command = [PYTHON, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, encoding="utf-8", timeout=200
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def served(endless: Model) -> Iterator[str]:
    with serving({"book": endless}) as (address, _):
        yield address


LANGCHAIN = """
import asyncio, json, sys
from langchain_core.prompts import PromptTemplate
from langchain_openai import OpenAI

def client(**options):
    own = {"base_url": sys.argv[1] + "/v1", "api_key": "none", "model": "book", "max_tokens": 30, "seed": 3}
    return OpenAI(**own | options)

async def later():
    pieces = [piece async for piece in client().astream("Sing")]
    return [await client().ainvoke("Sing"), await client().abatch(["Sing", "goddess"]), "".join(pieces)]

told = client(n=2, logprobs=2, max_tokens=5).generate(["Sing", "goddess"], stop=["zz"])
begun = client(logprobs=1, streaming=True).generate(["Sing"]).generations[0][0]
print(json.dumps({
    "invoke": client(temperature=0.7, top_p=0.9).invoke("Sing"),
    "stream": list(client(max_tokens=300).stream("Sing")),
    "batch": client().batch(["Sing", "goddess"]),
    "later": asyncio.run(later()),
    "told": [[[one.text, one.generation_info] for one in choices] for choices in told.generations],
    "usage": told.llm_output["token_usage"],
    "begun": [begun.text, begun.generation_info],
    "ours": client(extra_body={"top_k": 3}).invoke("Sing"),
    "chain": (PromptTemplate.from_template("{who}, goddess") | client()).invoke({"who": "Sing"}),
}))
"""


def test_langchain(served: str, endless: Model, tmp_path: Path) -> None:
    needs("langchain_openai")
    first, ours = run(tmp_path, "-c", LANGCHAIN + shown(r"```py\n(.*?)```", served), served).split("\n", 1)
    found = json.loads(first)

    def text(prompt: str = "Sing", length: int = 30, **options: Any) -> str:
        # LangChain has a temperature of its own, 0.7.
        sampling = Sampling(**{"temperature": 0.7, **options})
        return endless.generate(prompt, length=length, seed=3, sampling=sampling)[0].text

    assert found["invoke"] == text(top_p=0.9)
    assert "".join(found["stream"]) == text(length=300) and len(found["stream"]) > 1
    assert found["batch"] == [text(), text("goddess")]
    assert found["later"] == [text(), [text(), text("goddess")], text()]
    for prompt, choices in zip(("Sing", "goddess"), found["told"], strict=True):
        samples = endless.generate(prompt, length=5, seed=3, samples=2, sampling=Sampling(temperature=0.7))
        for sample, (given, info) in zip(samples, choices, strict=True):
            assert (given, info["finish_reason"]) == (sample.text, "length")
            assert info["logprobs"]["token_logprobs"] == sample.log_probs.tolist()
    assert found["usage"] == {"prompt_tokens": 11, "completion_tokens": 20, "total_tokens": 31}
    assert found["begun"][0] == text() and len(found["begun"][1]["logprobs"]["tokens"]) == 30
    assert found["ours"] == text(top_k=3)
    assert found["chain"] == text(PROMPT)
    assert ours == endless.generate("It was", length=200, seed=1)[0].text + "\n"


def test_llm(served: str, endless: Model, tmp_path: Path) -> None:
    needs("llm")
    (tmp_path / "extra-openai-models.yaml").write_text(shown(r"```yaml\n(.*?)```", served))

    def llm(*arguments: str) -> str:
        return run(tmp_path, "-m", "llm", *arguments, LLM_USER_PATH=str(tmp_path))

    options = ("-m", "book", "-o", "max_tokens", "60", "-o", "seed", "3")
    expected = endless.generate(PROMPT, length=60, seed=3)[0].text
    assert llm(PROMPT, *options, "--no-stream") == expected + "\n"
    more = ("-o", "temperature", "0.7", "-o", "top_p", "0.9", "-o", "stop", "e", "-o", "logprobs", "2")
    sampling = Sampling(temperature=0.7, top_p=0.9)
    stopped = endless.generate(PROMPT, length=60, seed=3, sampling=sampling, stop=["e"])[0].text
    assert llm(PROMPT, *options, *more) == stopped + "\n"  # streamed
    [logged] = json.loads(llm("logs", "--json", "-n", "1"))
    assert logged["response"] == stopped and logged["response_json"]["object"] == "text_completion"


def test_javascript(served: str, endless: Model) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed")
    program = shown(r"```js\n(.*?)```", served)
    printed = subprocess.run([node, "--input-type=module", "-e", program], capture_output=True, check=True).stdout
    assert printed.decode() == endless.generate("It was", length=200, seed=1)[0].text + "\n"


ROLLING = {
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "doc_to_target": "{{text}}",
    "metric_list": [{"metric": name} for name in ("bits_per_byte", "byte_perplexity", "word_perplexity")],
}
CHOICE = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{text}}",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "{{answer}}",
    "target_delimiter": "",
    "metric_list": [{"metric": "acc"}],
}
UNTIL = {
    "output_type": "generate_until",
    "doc_to_text": "{{text}}",
    "doc_to_target": "",
    "generation_kwargs": {"until": ["\n\n", "e", "th", "zz", "!"], "max_gen_toks": 40},
    "metric_list": [{"metric": "exact_match"}],
}
TEXTS: dict[str, list[dict[str, Any]]] = {
    "rolling": [
        {"text": "Sing, goddess, the anger of Achilles.\n"},
        {"text": "ἄνδρα μοι ἔννεπε \U0001f600"},
        {"text": "S"},
        {"text": "Many a brave soul did it send hurrying down. " * 60},  # longer than what the harness sends to others
    ],
    "choice": [
        {"text": "Sing, goddess,", "choices": [" the anger", " zzz"], "answer": 0},
        {"text": "Sing ", "choices": ["on", "", " "][:2], "answer": 0},
        {"text": "", "choices": ["Sing", "xyz"], "answer": 0},
    ],
    "until": [{"text": "Sing"}, {"text": "goddess,"}],
}


def test_lm_evaluation_harness(served: str, endless: Model, tmp_path: Path) -> None:
    """On tasks that need no download, without any other tokenizer."""
    needs("lm_eval")
    for name, task in (("rolling", ROLLING), ("choice", CHOICE), ("until", UNTIL)):
        data = tmp_path / f"{name}.jsonl"
        data.write_text("".join(json.dumps(one) + "\n" for one in TEXTS[name]))
        source = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}, "test_split": "test"}
        (tmp_path / f"{name}.yaml").write_text(json.dumps({"task": name, **source, **task}))
    printed = run(
        tmp_path,
        *("-m", "lm_eval", "run", "--model", "local-completions"),
        *("--model_args", shown(r"--model_args (\S+)", served)),
        *("--include_path", str(tmp_path), "--tasks", "rolling,choice,until"),
        *("--log_samples", "--output_path", str(tmp_path / "out")),
        **{"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"},
        **{"COLUMNS": "200", "TERM": "dumb"},
    )
    samples = {
        name: [json.loads(line) for line in path.read_text().splitlines()]
        for name in TEXTS
        for path in (tmp_path / "out").rglob(f"samples_{name}_*")
    }
    assert {name: len(found) for name, found in samples.items()} == {name: len(texts) for name, texts in TEXTS.items()}

    nats, size, words = 0.0, 0, 0
    for one in samples["rolling"]:
        text = one["doc"]["text"]
        score = endless.score(text, per_step=True)
        assert float(one["resps"][0][0]) == sum(-step.nats for step in score.surprises)  # each digit
        nats, size, words = nats + score.nats, size + len(text.encode()), words + len(re.split(r"\s+", text))
    found = {name: rf"\|{name} *\|[^|]*\| *([0-9.]+)\|" for name in ("bits_per_byte", "byte_perplexity")}
    told = {name: re.search(pattern, printed) for name, pattern in found.items()}
    assert told["bits_per_byte"] and told["bits_per_byte"][1] == f"{nats / size / math.log(2):.3f}"
    assert told["byte_perplexity"] and told["byte_perplexity"][1] == f"{math.exp(nats / size):.3f}"

    for one in samples["choice"]:
        context = one["doc"]["text"].rstrip()  # the harness moves spaces to the continuation
        for choice, (response, greedy) in zip(one["doc"]["choices"], (each[0] for each in one["resps"]), strict=True):
            surprises = endless.score(one["doc"]["text"] + choice, per_step=True).surprises
            known = len(endless.text_codec.encode(context.encode()))
            assert float(response) == sum(-step.nats for step in surprises[known:])
            assert greedy in ("True", "False")

    for one in samples["until"]:
        stops = [*UNTIL["generation_kwargs"]["until"], "<|start|>"]  # type: ignore[index]
        greedy = Sampling(temperature=0.0)
        text = endless.generate(one["doc"]["text"], length=40, seed=1234, sampling=greedy, stop=stops)[0].text
        assert one["resps"][0][0] == text


MENDED = """
import os
import schemathesis
from schemathesis import GenerationMode

SYMBOLS = int(os.environ["SYMBOLS"])

def tokens(found):
    if isinstance(found, list):
        return [tokens(one) for one in found]
    return found % SYMBOLS if type(found) is int else found

def whole(found):
    # To a schema, 7.0 is a whole number. To the server it is none, as 1e3 is none.
    if isinstance(found, dict):
        return {name: whole(one) for name, one in found.items()}
    if isinstance(found, list):
        return [whole(one) for one in found]
    return int(found) if isinstance(found, float) and found.is_integer() else found

@schemathesis.hook
def before_call(context, case, kwargs):
    # A schema knows no names of models, no number of symbols, and no rules across fields. And we are in a hurry.
    body = case.body
    if case.meta.generation.mode != GenerationMode.POSITIVE or not isinstance(body, dict):
        return
    body = case.body = whole(body)
    if case.operation.path == "/v1/completions":
        prompt = body.get("prompt")
        several = len(prompt) if isinstance(prompt, list) and prompt and type(prompt[0]) is not int else 1
        body["n"] = min(body.get("n") or 1, 64 // several)
        body["max_tokens"] = min(body.get("max_tokens") or 1, 20)
        for name in ("best_of", "valid", "logit_bias"):
            body.pop(name, None)
    body["model"] = "book"
    for name in ("prompt", "tokens"):
        if name in body:
            body[name] = tokens(body[name])
"""


def test_the_page_holds(served: str, endless: Model, tmp_path: Path) -> None:
    """schemathesis sends what the OpenAPI page allows, and what it does not, and compares the answers with the page."""
    needs("schemathesis")
    (tmp_path / "mended.py").write_text(MENDED)
    (tmp_path / "schemathesis.toml").write_text(
        "[checks.negative_data_rejection]\nexpected-statuses = [400, 413, 415]\n"
    )
    own = (
        "health",
        "v1/models",
        "v1/models/{id}",
        "v1/completions",
        "tokenize",
        "detokenize",
        "tokenizer_info",
        "api/read",
    )
    arguments = (
        *(
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(tmp_path / "schemathesis.toml"),
            "run",
            f"{served}/openapi.json",
        ),
        *(part for path in own for part in ("--include-path", f"/{path}")),
        *("--phases", "coverage,fuzzing", "--mode", "all", "--max-examples", "20", "--seed", "1", "--no-color"),
        *("--generation-database", "none"),
    )
    symbols = str(endless.text_codec.steps.size)
    printed = run(tmp_path, *arguments, SYMBOLS=symbols, SCHEMATHESIS_HOOKS="mended", PYTHONPATH=str(tmp_path))
    assert "Tested: 8" in printed, printed
