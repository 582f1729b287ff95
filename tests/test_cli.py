"""The command line: quick to answer, and one line for a mistake."""

import argparse
import errno
import gc
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from visualzero import __version__
from visualzero.cli import disk_full, main, parser
from visualzero.cli.commands import given_overrides, loading

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


def test_garbage_is_collected_again_once_libraries_are_loaded() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count()
    gc.unfreeze()


@pytest.mark.parametrize("command", [["train", "bas-grpo"], ["predict", "bas-grpo", "toyspace"]], ids=" ".join)
def test_a_misspelt_arm_is_told_before_torch_is_loaded(command: list[str]) -> None:
    result = fresh(*command)
    assert result["code"] == 1
    assert "torch" not in str(result["loaded"])


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command."""
    [action] = [one for one in parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(action.choices)


@pytest.mark.parametrize("columns", [60, 200])
def test_help_names_every_command_once_and_fits_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert len(commands()) > 20
    for command in commands():
        assert told.count(f"\n    {command} ") == 1
    assert max(map(len, told.split("the study, a job at a time")[1].splitlines()[1:])) <= columns


@pytest.mark.parametrize("command", commands())
def test_every_command_has_examples_that_it_understands(command: str) -> None:
    told = str(commands()[command].epilog)
    examples = [shlex.split(line, comments=True) for line in told.splitlines()[1:]]
    assert examples
    for words in examples:
        assert words[:2] == ["visualzero", command]
        plain = words[1 : words.index(">")] if ">" in words else words[1:]
        options, rest = parser().parse_known_args(plain)
        assert not rest
        assert options.command


@pytest.mark.parametrize(
    ("line", "overrides"),
    [
        ("plan --scale paper", ["scale=paper"]),
        ("--scale paper plan", ["scale=paper"]),
        ("--set a=1 plan --set a=2 --set b=3", ["a=1", "a=2", "b=3"]),
        ("--set a=1 rewards --set a=2 try format x --set a=3", ["a=1", "a=2", "a=3"]),
        ("why", []),
    ],
)
def test_the_study_is_described_before_the_command_or_behind_it(line: str, overrides: list[str]) -> None:
    assert given_overrides(parser().parse_args(line.split())) == overrides


def test_the_config_is_named_before_the_command_or_behind_it() -> None:
    for line in ("--config my.yaml plan", "plan --config my.yaml", "--config other.yaml plan --config my.yaml"):
        assert parser().parse_args(line.split()).config == Path("my.yaml")
    assert parser().parse_args(["plan"]).config == Path("config/config.yaml")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("trian base-grpo", "unknown command 'trian'; did you mean 'train'?"),
        ("cluster upp", "unknown command 'upp'; did you mean 'up'?"),
        ("plan --scal paper", "unknown option '--scal'; did you mean '--scale'?"),
        ("plan --gpus two", "argument --gpus: invalid int value: 'two'"),
        ("plan now", "'now': one word too many"),
        ("predict base toyspace --control no_imag", "unknown --control value 'no_imag'; did you mean 'no_image'?"),
        ("", "the following arguments are required: COMMAND"),
    ],
)
def test_a_misspelt_command_line_is_told_in_a_line(capsys: pytest.CaptureFixture[str], line: str, told: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(line.split())
    captured = capsys.readouterr()
    assert end.value.code == 2
    assert captured.out == ""
    [said] = captured.err.splitlines()
    assert said.startswith(f"error: {told}")
    assert "--help`" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_shell_completes_every_command_and_its_options(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    main(["completion", shell])
    written = capsys.readouterr().out
    assert all(command in written for command in commands())
    assert "scorer" in written


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
