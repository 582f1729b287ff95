"""The fuzzer finds what it looks for, and nothing in what it tries here."""

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

from visualzero.errors import UserError

FUZZ = Path(__file__).resolve().parents[2] / "scripts" / "fuzz"


@pytest.fixture(scope="module")
def fuzz() -> Any:
    sys.path.append(str(FUZZ.parent))
    spec = spec_from_loader("fuzz", SourceFileLoader("fuzz", str(FUZZ)))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_hundreds_of_damaged_images_and_tables_end_in_pictures_rows_or_errors(tmp_path: Path) -> None:
    command = [sys.executable, FUZZ, "--cases", "400", "--seed", "7000000", "--keep", tmp_path / "found"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "400 cases in" in done.stdout
    assert list((tmp_path / "found").iterdir()) == []


def test_another_exception_and_too_much_time_are_failures(fuzz: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise UserError("table: row 3: write it again")

    monkeypatch.setattr(fuzz, "MEGABYTES", 10**6)  # this process has read other things before
    assert fuzz.failure(refuse) == (None, False)
    assert fuzz.failure(lambda: None) == (None, True)
    assert "ZeroDivisionError" in fuzz.failure(lambda: 1 / 0)[0]
    monkeypatch.setattr(fuzz, "SECONDS", -1.0)
    assert "s of CPU" in fuzz.failure(lambda: None)[0]
    monkeypatch.setattr(fuzz, "SECONDS", 10**6)
    monkeypatch.setattr(fuzz, "MEGABYTES", 1)
    assert " MB" in fuzz.failure(lambda: None)[0]


def test_a_seed_always_gives_the_same_case(fuzz: Any, tmp_path: Path) -> None:
    cases = fuzz.Cases(tmp_path)
    drawn = [cases.draw(seed)[:2] for seed in range(50)]
    assert [cases.draw(seed)[:2] for seed in range(50)] == drawn
    assert {kind for kind, _ in drawn} == {"image", "jsonl", "csv", "parquet"}
