"""The command line: quick to answer, and one line for a mistake."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from visualzero import __version__
from visualzero.cli import disk_full, main

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ["--config", str(ROOT / "config/config.yaml")]
HEAVY = ["torch", "transformers", "trl", "datasets", "matplotlib", "pandas", "pyarrow", "snakemake"]
SCRIPT = """
import json, sys, time
from visualzero.cli import main
try:
    main(sys.argv[2:])
except SystemExit as end:
    loaded = [name for name in json.loads(sys.argv[1]) if name in sys.modules]
    print(json.dumps({"code": end.code, "loaded": loaded, "seconds": time.process_time()}))
"""


def fresh(*arguments: str) -> dict[str, object]:
    """What a command that ends at once loads, and how many seconds of CPU time it takes, in a new process."""
    command = [sys.executable, "-c", SCRIPT, json.dumps(HEAVY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a mistake is told in."""
    with pytest.raises(SystemExit) as end:
        main([*CONFIG, *arguments])
    captured = capsys.readouterr()
    assert end.value.code == 1
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def test_help_is_there_within_a_second_and_loads_no_heavy_library() -> None:
    result = fresh("--help")
    assert result["code"] == 0
    assert result["loaded"] == []
    assert float(str(result["seconds"])) < 1


@pytest.mark.parametrize("command", [["train", "bas-grpo"], ["predict", "bas-grpo", "toyspace"]], ids=" ".join)
def test_a_misspelt_arm_is_told_before_torch_is_loaded(command: list[str]) -> None:
    result = fresh(*command)
    assert result["code"] == 1
    assert "torch" not in str(result["loaded"])


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for command in (
        "questions",
        "model",
        "train",
        "predict",
        "score-arm",
        "score",
        "compare",
        "inspect",
        "summarize",
        "report",
        "schema",
        "tiny-models",
    ):
        assert f"\n    {command} " in told


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "visualzero", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"visualzero {__version__}\n"


def test_a_misspelt_arm_is_told_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unknown arm 'bas-grpo'; did you mean 'base-grpo'?" in error_of(capsys, "score-arm", "bas-grpo", "toyspace")


def test_a_misspelt_benchmark_is_told_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'toyspace'?" in error_of(capsys, "score-arm", "base", "toy-space")
    assert "did you mean 'toyspace'?" in error_of(capsys, "questions", "toyspac")


def test_a_misspelt_key_is_told_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'steps'?" in error_of(capsys, "--set", "grpo.step=2", "questions", "train")


def test_a_missing_config_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no such file" in error_of(capsys, "--config", str(tmp_path / "config" / "config.yaml"), "summarize")


@pytest.mark.parametrize("seed", ["one", "1.5", "²", "untrained"])
def test_a_seed_that_is_no_number_is_told(capsys: pytest.CaptureFixture[str], seed: str) -> None:
    assert f"--seed {seed}: not a whole number" in error_of(capsys, "score-arm", "base-sft", "toyspace", "--seed", seed)


def test_responses_that_are_not_there_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = error_of(capsys, "score-arm", "base-sft", "toyspace")
    assert told.startswith("results/demo/predictions/base-sft/1/toyspace.jsonl: no such file")


def test_a_command_makes_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main([*CONFIG, "--set", "data.train.n=8", "questions", "train"])
    assert json.loads(Path("results/demo/data/train.json").read_text())["rows"] == 8
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "visualzero: results/demo/data/train.parquet: 8 questions\n"


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "error: interrupted: run the same command again to go on\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: no space left on the disk of "),
        (OSError(errno.EFBIG, "File too large"), 1, "error: no space left on the disk of "),
    ],
    ids=["interrupt", "full disk", "limit on file sizes"],
)
def test_what_is_nobodys_mistake_is_told_in_a_line_too(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    told: str,
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("visualzero.data.build.build_questions", fail)
    with pytest.raises(SystemExit) as end:
        main([*CONFIG, "questions", "train"])
    assert end.value.code == code
    captured = capsys.readouterr().err
    assert captured.startswith(told)
    assert captured.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("visualzero.data.build.build_questions", fail)
    with pytest.raises(ZeroDivisionError):
        main([*CONFIG, "questions", "train"])


# A full disk


def wrapped(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def while_handling(error: Exception, context: Exception) -> Exception:
    error.__context__ = context
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.ENOSPC, "Kein Speicherplatz mehr auf dem Gerät"),
        wrapped(ValueError("can't save"), OSError(errno.ENOSPC, "full")),
        while_handling(KeyError("step"), wrapped(RuntimeError("can't save"), OSError(errno.ENOSPC, "full"))),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598"),
        RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed"),
    ],
    ids=lambda error: f"{type(error).__name__}: {error}"[:40],
)
def test_a_full_disk_is_recognized(error: Exception) -> None:
    assert disk_full(error)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full on this system")
@pytest.mark.parametrize("size", [10, 10**6])
def test_a_full_disk_is_recognized_when_torch_meets_one(size: int) -> None:
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.save({"weights": torch.zeros(size)}, "/dev/full")
    assert disk_full(caught.value)


@pytest.mark.parametrize(
    "error", [None, OSError(errno.EACCES, "Permission denied"), ValueError("no"), wrapped(KeyError("a"), OSError("b"))]
)
def test_other_errors_are_no_full_disk(error: Exception | None) -> None:
    assert not disk_full(error)
