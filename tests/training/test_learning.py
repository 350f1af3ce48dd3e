"""The page that shows how a model learnt."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rhapsode.training.learning import LEARNING, MOST, Learning, curve, page
from tests.made import PROSE

RECORDS = [{"update": at, "seconds": at / 2, "train": 3 - at / 50, "valid": 3.1 - at / 50} for at in range(1, 40)]
PATHS = re.compile(r'<path class="(\w+)" d="([^"]+)"')


def looks(path: Path) -> list[dict[str, object]]:
    found = path.read_text().split('id="looks">')[1].split("</script>")[0]
    return json.loads(found)  # type: ignore[no-any-return]


def test_each_look_adds_a_sample(tmp_path: Path) -> None:
    learning = Learning(tmp_path, "m", 0)
    learning.add(1, 0.5, 3.0, "a <b> & </script>", RECORDS[:1])
    learning.add(2, 1.0, 2.5, "better", RECORDS[:2])
    written = (tmp_path / LEARNING).read_text()
    assert "<pre>a &lt;b&gt; &amp; &lt;/script&gt;</pre>" in written and "<pre>better</pre>" in written
    assert written.count("<section>") == 2 and "<svg" in written and "http" not in written.replace("http-equiv", "")
    assert [look["text"] for look in looks(tmp_path / LEARNING)] == ["a <b> & </script>", "better"]


def test_a_run_that_goes_on_keeps_what_was_before(tmp_path: Path) -> None:
    learning = Learning(tmp_path, "m", 0)
    for at in (1, 2, 3):
        learning.add(at, at / 2, 3.0, f"text {at}", RECORDS[:at])
    Learning(tmp_path, "m", 2).add(4, 2.0, 2.0, "text 4", RECORDS[:4])
    assert [look["text"] for look in looks(tmp_path / LEARNING)] == ["text 1", "text 2", "text 4"]


def test_the_curve_of_training_goes_below_that_of_validation() -> None:
    drawn = curve([{"seconds": at, "train": 3 - at, "valid": 3 - at / 4} for at in (0, 1, 2)])
    lowest = {name: max(map(float, re.findall(r" ([\d.]+)", path))) for name, path in PATHS.findall(drawn)}
    assert lowest["train"] > lowest["valid"] + 50 and ">1.00<" in drawn and "data is 2.500." in drawn


@pytest.mark.parametrize(
    "harm", ["", "no page", '<script type="application/json" id="looks">[{"update": "x"}]</script>']
)
def test_a_page_that_was_changed_begins_anew(tmp_path: Path, harm: str) -> None:
    (tmp_path / LEARNING).write_text(harm)
    Learning(tmp_path, "m", 9).add(1, 0.5, 3.0, "a", [])
    assert [look["text"] for look in looks(tmp_path / LEARNING)] == ["a"]


def test_of_many_looks_some_are_shown() -> None:
    many = [{"update": at, "seconds": at, "valid": 1.0, "text": f"({at})"} for at in range(3 * MOST)]
    shown = page("a & b", many, RECORDS)
    assert shown.count("<section>") == MOST and "<pre>(0)</pre>" in shown and f"<pre>({3 * MOST - 1})</pre>" in shown
    assert "a &amp; b" in shown


def test_training_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rhapsode.cli import main

    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_text(PROSE)
    assert main(["train", str(tmp_path / "a.txt"), "-o", str(tmp_path / "m"), "--updates", "4"]) == 0
    found = looks(tmp_path / "m" / LEARNING)
    assert found[-1]["update"] == 4 and all(isinstance(look["text"], str) for look in found)
    assert f"{tmp_path / 'm' / LEARNING}: how it learnt" in capsys.readouterr().err
    assert main(["train", "-o", str(tmp_path / "m"), "--resume", "--updates", "2", "-q"]) == 0
    assert [look["update"] for look in looks(tmp_path / "m" / LEARNING)][: len(found)] == [
        one["update"] for one in found
    ]
