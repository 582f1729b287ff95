"""`scripts/trl_tests`: what it makes of two runs of TRL's tests. The runs themselves take a clone of TRL."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

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
