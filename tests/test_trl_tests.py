"""`scripts/trl_tests`: what it makes of two runs of TRL's tests. The runs themselves take a clone of TRL."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from datasets import load_dataset

from repository import ROOT

STOCK = {
    "TestA::test_same": ("passed", ""),
    "TestA::test_tools": ("passed", ""),
    "TestA::test_other[trl-internal-testing/tiny-X]": ("passed", ""),
    "TestA::test_gpu": ("skipped", "no GPU"),
    "TestA::test_old": ("failed", "KeyError: it\nx"),
}
REFUSED = "groupshare.errors.SharingError: group sharing: tools, which change\nprompts: TRL's own trainer may take it"
OURS = STOCK | {
    "TestA::test_tools": ("failed", REFUSED),
    "TestA::test_other[trl-internal-testing/tiny-X]": ("failed", "ValueError: 3"),
}
TWO = """class TestA:
    def test_a(self):
        pass

    def test_b(self):
        assert not 1
"""


def test_every_test_that_stock_trl_passes_is_passed_refused_with_a_reason_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts/trl_tests"))
    outcomes = import_module("outcomes")
    for name, tests in (("stock", STOCK), ("ours", OURS)):
        lines = [{"test": test, "kind": kind, "said": said} for test, (kind, said) in tests.items()]
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    lines = outcomes.table(outcomes.read(tmp_path / "stock"), outcomes.read(tmp_path / "ours"))
    assert "| TRL's | 3 | 1 | 0 | 1 | 5 |" in lines
    assert "| group sharing's | 1 | 2 | 1 | 1 | 5 |" in lines
    assert "| no GPU | 1: `test_gpu` |" in lines
    assert "| tools, which change prompts | 1: `test_tools` |" in lines
    assert "| `test_other[X]` | not explained: ValueError: 3 |" in lines
    assert "| `test_old` | KeyError: it |" in lines


def test_an_interrupted_run_goes_on_with_the_tests_that_have_no_outcome(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "test_two.py").write_text(
        "class TestA:\n    def test_a(self): pass\n    def test_b(self): assert not 1\n"
    )
    outcomes = tmp_path / "outcomes.jsonl"
    line = json.dumps({"test": "TestA::test_a", "kind": "passed", "said": ""})
    outcomes.write_text(line + "\n")
    options = ["-c", os.devnull, "--rootdir", tmp_path, "-p", "plugin", "-p", "no:cacheprovider", "test_two.py"]
    variables = os.environ | {"OUTCOMES": str(outcomes), "PYTHONPATH": str(ROOT / "scripts/trl_tests")}
    done = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=tmp_path, env=variables)
    first, second = outcomes.read_text().splitlines()
    assert (done.returncode, first) == (1, line)
    assert json.loads(second)["test"] == "TestA::test_b"
    assert json.loads(second)["said"].startswith("assert not 1")


def test_a_large_vocabulary_has_its_words_and_special_tokens_at_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts/trl_tests"))
    vocabulary = import_module("vocabulary")
    made = vocabulary.qwen("qwen3", large=True)
    known = vocabulary.WORDS["2"]["words"] | vocabulary.WORDS["2"]["special"]
    assert {i: made.decode([int(i)]) for i in known} == known
    assert sorted(made.get_vocab().values()) == list(range(151659))
    text = "You may call one or more functions, Ωmega.\n"
    assert made.decode(made.encode(text)) == text
    assert len(made.encode("You may call one or more functions")) == 7


def test_data_sets_of_few_rows_are_not_taken_for_those_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts/trl_tests"))
    rows = import_module("rows")
    counts = []
    for name in ("small", "large", "small"):
        rows.write(tmp_path / name / "trl", few=name == "large")
        monkeypatch.chdir(tmp_path / name)
        read = load_dataset("trl/zen", "standard_prompt_only", split="train", cache_dir=str(tmp_path / "cache"))
        counts.append(len(read))
    assert counts == [12, 1, 12]


def test_products_in_bfloat16_are_rounded_ones_of_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts/trl_tests"))
    product = import_module("plugin").product
    a, b = torch.randn(5, 8), torch.randn(8, 6)
    assert product(a, b).equal(a @ b)
    half, other = a.bfloat16(), b.bfloat16()
    out = torch.empty(5, 6, dtype=torch.bfloat16)
    for made in (product(half, other), product(half, other, out=out), out):
        assert made.dtype == torch.bfloat16
        torch.testing.assert_close(made, half @ other)
