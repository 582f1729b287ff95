"""Of the checkpoints that are there, the newest that is whole is taken; what is wrong with the others is said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from visualzero.errors import UserError
from visualzero.training.checkpoints import copy_logged, flaw_of, last_whole, prune, restore, seal
from visualzero.training.digests import PIECE, digest

IDENTITY = {"run": "base-grpo/1", "fingerprint": "0123456789abcdef", "key": "fedcba9876543210"}
FILES = {
    "model.safetensors": bytes(range(256)) * 8,
    "optimizer.pt": b"moments" * 100,
    "scheduler.pt": b"rate" * 10,
    "rng_state.pth": b"numbers" * 10,
    "config.json": b"{}",
    "trainer_state.json": b'{"global_step": 2}',
    "pytorch_model_fsdp_0/.metadata": b"shards",
}


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder with sealed checkpoints of steps 2 and 4, the rollouts of four steps, and weights kept of each."""
    folder, kept = tmp_path / "fedcba9876543210", {}
    for step in range(1, 5):
        write(folder / f"completions/completions_{step:05d}.parquet", b"rollouts of step %d" % step)
        write(folder / f"kept/{step}/model.safetensors", b"weights of step %d" % step)
        if step % 2 == 0:
            for name, content in FILES.items():
                write(folder / f"checkpoint-{step}" / name, content + bytes([step]))
            copy_logged(folder / f"checkpoint-{step}", range(1, step + 1))
            kept = seal(folder / f"checkpoint-{step}", IDENTITY, 1, kept)
    return folder


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit_seal(checkpoint: Path, **changes: object) -> None:
    path = checkpoint / "visualzero.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no optimizer": (lambda last: (last / "optimizer.pt").unlink(), "optimizer.pt: missing"),
    "no scheduler": (lambda last: (last / "scheduler.pt").unlink(), "scheduler.pt: missing"),
    "no random numbers": (lambda last: (last / "rng_state.pth").unlink(), "rng_state.pth: missing"),
    "no hidden file": (lambda last: (last / "pytorch_model_fsdp_0/.metadata").unlink(), ".metadata: missing"),
    "a flipped bit": (lambda last: flip(last / "model.safetensors"), "model.safetensors: altered since it was written"),
    "truncated": (lambda last: (last / "optimizer.pt").write_bytes(b"mom"), "optimizer.pt: altered since it was"),
    "empty": (lambda last: (last / "rng_state.pth").write_bytes(b""), "rng_state.pth: altered since it was written"),
    "a state of nothing": (lambda last: (last / "trainer_state.json").write_text("{}"), "trainer_state.json: altered"),
    "an edited config": (lambda last: (last / "config.json").write_text('{"vocab": 1}'), "config.json: altered since"),
    "a file too many": (
        lambda last: (last / "adapter_config.json").write_text("{}"),
        "adapter_config.json: not of this checkpoint",
    ),
    "no rollouts of a step": (
        lambda last: (last / "completions/completions_00003.parquet").unlink(),
        "completions/completions_00003.parquet: missing",
    ),
    "cut rollouts": (
        lambda last: (last / "completions/completions_00004.parquet").write_bytes(b"PAR1"),
        "completions/completions_00004.parquet: altered since it was written",
    ),
    "no kept weights": (lambda last: shutil.rmtree(last.parent / "kept/3"), "kept/3/model.safetensors: missing"),
    "other kept weights": (
        lambda last: flip(last.parent / "kept/4/model.safetensors"),
        "kept/4/model.safetensors: altered since it was written",
    ),
    "no seal": (lambda last: (last / "visualzero.json").unlink(), "not written to its end"),
    "half a seal": (
        lambda last: (last / "visualzero.json").write_text('{"step": 4, "fi'),
        "visualzero.json: unreadable",
    ),
    "a seal of nothing": (lambda last: (last / "visualzero.json").write_text("{}"), "visualzero.json: altered"),
    "a list for a seal": (lambda last: (last / "visualzero.json").write_text("[1]"), "visualzero.json: altered"),
    "another fingerprint": (lambda last: edit_seal(last, fingerprint="0" * 16), "of another run"),
    "another seed": (lambda last: edit_seal(last, run="base-grpo/2"), "of another run"),
    "other inputs": (lambda last: edit_seal(last, key="0" * 16), "of another run"),
    "another step": (lambda last: edit_seal(last, step=2), "of another run"),
}


def test_the_newest_is_taken_in_silence_if_it_is_whole(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert last_whole(work, IDENTITY, 1) == work / "checkpoint-4"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_one_is_told_and_the_one_before_is_taken(
    work: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    damage, told = FAULTS[fault]
    damage(work / "checkpoint-4")
    assert last_whole(work, IDENTITY, 1) == work / "checkpoint-2"
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("visualzero: base-grpo/1: checkpoint-4: ")
    assert told in line
    assert line.endswith(": going on from checkpoint-2")
    assert not (work / "checkpoint-4").exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_if_none_is_whole_the_run_begins_anew(work: Path, capsys: pytest.CaptureFixture[str], fault: str) -> None:
    (work / "checkpoint-2/optimizer.pt").unlink()
    FAULTS[fault][0](work / "checkpoint-4")
    assert last_whole(work, IDENTITY, 1) is None
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.endswith(": no other is whole: beginning anew") for line in lines)


def test_kept_weights_that_are_damaged_cost_only_the_checkpoints_that_have_them(work: Path) -> None:
    flip(work / "kept/3/model.safetensors")
    assert last_whole(work, IDENTITY, 1) == work / "checkpoint-2"
    assert flaw_of(work / "checkpoint-2", IDENTITY) is None


def test_a_checkpoint_of_other_processes_is_refused(work: Path) -> None:
    with pytest.raises(
        UserError, match=r"checkpoint-4: written by 1 processes, and these are 2: train with as many, or"
    ):
        last_whole(work, IDENTITY, 2)
    assert (work / "checkpoint-4").is_dir()


def test_what_is_damaged_stays_until_the_next_checkpoint_is_whole(work: Path) -> None:
    flip(work / "checkpoint-4/model.safetensors")
    last_whole(work, IDENTITY, 1)
    assert (work / "damaged-checkpoint-4").is_dir()
    shutil.copytree(work / "checkpoint-2", work / "checkpoint-3")
    seal(work / "checkpoint-3", IDENTITY, 1, {})
    prune(work / "checkpoint-3")
    assert sorted(path.name for path in work.glob("*checkpoint-*")) == ["checkpoint-2", "checkpoint-3"]


def test_the_newest_two_are_held_whatever_their_dates(work: Path) -> None:
    import os

    os.utime(work / "checkpoint-2", (2e9, 2e9))  # in the future
    shutil.copytree(work / "checkpoint-4", work / "checkpoint-10")
    prune(work / "checkpoint-10")
    assert sorted(path.name for path in work.glob("checkpoint-*")) == ["checkpoint-10", "checkpoint-4"]


@pytest.mark.parametrize(
    "fault",
    [
        lambda logged: shutil.rmtree(logged),
        lambda logged: (logged / "completions_00001.parquet").unlink(),
        lambda logged: (logged / "completions_00002.parquet").write_bytes(b"PAR1"),
    ],
    ids=["all lost", "one lost", "one cut off"],
)
def test_rollouts_lost_from_the_work_folder_come_back_from_the_checkpoint(
    work: Path, fault: Callable[[Path], None]
) -> None:
    fault(work / "completions")
    restore(work, work / "checkpoint-4")
    found = {path.name: path.read_bytes() for path in (work / "completions").iterdir()}
    assert found == {f"completions_{step:05d}.parquet": b"rollouts of step %d" % step for step in range(1, 5)}


def test_what_was_made_after_the_checkpoint_is_made_anew(work: Path) -> None:
    shutil.rmtree(work / "checkpoint-4")
    assert set(restore(work, work / "checkpoint-2")) == {"1/model.safetensors", "2/model.safetensors"}
    assert sorted(path.name for path in (work / "kept").iterdir()) == ["1", "2"]
    assert len(list((work / "completions").iterdir())) == 2
    assert restore(work, None) == {}
    assert list((work / "completions").iterdir()) == []
    assert not (work / "kept").exists()


def test_rollouts_that_are_lost_under_the_trainer_stop_it(work: Path) -> None:
    (work / "completions/completions_00003.parquet").unlink()
    with pytest.raises(
        UserError, match=r"completions_00003\.parquet: lost while training: run again to go on from the"
    ):
        copy_logged(work / "checkpoint-4", range(1, 5))


def test_a_file_of_several_pieces_differs_if_any_of_them_does(tmp_path: Path) -> None:
    path, found = tmp_path / "weights", set()
    with path.open("wb") as file:
        file.truncate(2 * PIECE + 5)
    found.add(digest(path))
    for place in (0, PIECE - 1, PIECE, 2 * PIECE + 4):
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"\x01")
        found.add(digest(path))
    with path.open("r+b") as file:
        file.truncate(2 * PIECE)
    found.add(digest(path))
    assert len(found) == 6
