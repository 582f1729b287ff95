"""Results that were altered after they were made: no plan and no job takes them for what they were."""

import os
from pathlib import Path

import pytest

from repository import Repository, copy_of

ALTERED = {
    "questions": "data/toyspace.parquet",
    "a model": "models/base/model/model.safetensors",
    "weights": "runs/base-sft/1/model/model.safetensors",
    "a history": "runs/base-grpo/1/history.parquet",
    "rollouts": "runs/base-grpo/1/rollouts.parquet",
    "responses": "predictions/base/untrained/toyspace.jsonl",
    "scores": "scores/base-grpo/1/toyspace.jsonl",
}


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture(scope="module")
def made(recorded: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return copy_of(recorded, tmp_path_factory.mktemp("altered") / "repository")


@pytest.mark.parametrize("what", ALTERED)
def test_a_plan_tells_what_was_altered_and_believes_it_again_once_it_is_restored(made: Repository, what: str) -> None:
    path = made.folder / "results/demo" / ALTERED[what]
    before, times = path.read_bytes(), path.stat()
    flip(path)
    plan = made.run("snakemake", "-n", "all")
    assert plan.returncode == 1
    assert (
        f"results/demo/{ALTERED[what]}: altered since it was made: restore it (dvc checkout), or delete" in plan.stdout
    )
    path.write_bytes(before)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "Nothing to be done" in made.ok("snakemake", "-n", "all")


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("questions", ("score-arm", "base", "toyspace")),
        ("responses", ("score-arm", "base", "toyspace")),
        ("scores", ("summarize",)),
        ("rollouts", ("report",)),
        ("scores", ("report",)),
    ],
)
def test_a_job_refuses_what_was_altered_even_if_its_time_was_not(
    made: Repository, what: str, command: tuple[str, ...]
) -> None:
    path = made.folder / "results/demo" / ALTERED[what]
    before, times = path.read_bytes(), path.stat()
    flip(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = made.run("visualzero", *command)
    path.write_bytes(before)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert done.returncode == 1
    assert f"{ALTERED[what]}: altered since it was made: delete results/demo/" in done.stdout
    assert "Traceback" not in done.stdout
