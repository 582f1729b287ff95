"""A part of the fault campaign (`make faults` is the whole of it): nothing is lost, and nothing is wrong in silence."""

import subprocess
import sys
from pathlib import Path

import pytest

from faults.campaign import RIGHT, Result, judge, table
from faults.cases import Again
from faults.study import ROOT, STUDY, Study
from workspace import Workspace

TESTS = Path(__file__).resolve().parent


@pytest.mark.slow
def test_after_any_fault_a_plain_rerun_gives_the_undisturbed_bytes_or_one_line_says_what_to_do() -> None:
    command = [sys.executable, "-m", "faults", "--seed", "2", "--faults", "20"]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "\n20 faults in " in done.stdout
    assert done.stdout.rstrip().endswith(": 0 lost, wrong or left behind")


def test_other_bytes_after_a_rerun_are_called_silently_wrong(tmp_path: Path) -> None:
    study = Study(Workspace(tmp_path, STUDY))
    path = tmp_path / ROOT / "data/train.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"what was made")
    right = study.digests()
    again = Again(("schema", "--help"), (), "a command that makes nothing")
    assert judge(again, study, right) == ("the same bytes", "")
    path.write_bytes(b"something else")
    outcome, said = judge(again, study, right)
    assert outcome == "SILENTLY WRONG"
    assert outcome not in RIGHT
    assert said.startswith("results/demo/data/train.parquet")


def test_half_written_files_are_seen(tmp_path: Path) -> None:
    study = Study(Workspace(tmp_path, STUDY))
    (tmp_path / ROOT / "data").mkdir(parents=True)
    (tmp_path / ROOT / "data/.train.parquet.x1").touch()
    again = Again(("schema", "--help"), (), "a command that makes nothing")
    assert judge(again, study, {})[0] == "HALF-WRITTEN FILES LEFT"


def test_the_table_counts_what_came_of_each_kind() -> None:
    rows = [Result("data", "killed", "", "the same bytes")] * 2 + [Result("data", "killed", "", "LOST", "why")]
    assert table(rows).splitlines()[1:] == [
        "data   killed  1  LOST",
        "data   killed  2  the same bytes",
    ]
