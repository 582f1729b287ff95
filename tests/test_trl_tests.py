"""`scripts/trl_tests`: what it makes of two runs of TRL's tests. The runs themselves take a clone of TRL."""

from importlib import import_module
from pathlib import Path

import pytest

from repository import ROOT

STOCK = """<testsuites><testsuite>
<testcase classname="tests.test_grpo_trainer.TestA" name="test_same"/>
<testcase classname="tests.test_grpo_trainer.TestA" name="test_tools"/>
<testcase classname="tests.test_grpo_trainer.TestA" name="test_other[trl-internal-testing/tiny-X]"/>
<testcase classname="tests.test_grpo_trainer.TestA" name="test_gpu"><skipped message="no GPU"/></testcase>
<testcase classname="tests.test_grpo_trainer.TestA" name="test_old"><failure message="KeyError: it&#10;x"/></testcase>
</testsuite></testsuites>"""
REFUSED = "groupshare.errors.SharingError: group sharing: tools, which change\nprompts: TRL's own trainer may take it"
OURS = STOCK.replace('name="test_tools"/>', f'name="test_tools"><failure message="{REFUSED}"/></testcase>').replace(
    '"test_other[trl-internal-testing/tiny-X]"/>',
    '"test_other[trl-internal-testing/tiny-X]"><error message="ValueError: 3"/></testcase>',
)


def test_every_test_that_stock_trl_passes_is_passed_refused_with_a_reason_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts/trl_tests"))
    outcomes = import_module("outcomes")
    for name, report in (("stock", STOCK), ("ours", OURS)):
        (tmp_path / name).write_text(report)
    lines = outcomes.table(outcomes.read(tmp_path / "stock"), outcomes.read(tmp_path / "ours"))
    assert "| 4 | 3 | 1 | 1 | 1 |" in lines
    assert "| tools, which change prompts | 1: `test_tools` |" in lines
    assert "| `test_other[X]` | not explained: ValueError: 3 |" in lines
    assert "| `test_old` | KeyError: it |" in lines
