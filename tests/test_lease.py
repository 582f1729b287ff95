"""The lock on a work folder: one trainer at a time, and none locked out by one that is gone."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from visualzero.errors import UserError
from visualzero.training import lease
from visualzero.training.lease import leased


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "work" / "0123"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of a second."""
    monkeypatch.setattr(lease, "LEASE", 1.0)
    monkeypatch.setattr(lease, "RENEWAL", 0.1)


TAKE = """
import os, sys
from pathlib import Path
from visualzero.training.lease import leased
held = leased(Path(sys.argv[1]))
held.__enter__()
os._exit(9)
"""


def left_behind(folder: Path, **changes: object) -> Path:
    """The lock of a trainer that was killed; `changes` make it, say, one of another machine."""
    subprocess.run([sys.executable, "-c", TAKE, str(folder)], check=False)
    file = folder.with_name("0123.lease")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return file


def test_a_folder_is_free_again_once_it_is_released(folder: Path) -> None:
    for _ in range(2):
        with leased(folder):
            assert folder.with_name("0123.lease").is_file()
        assert list(folder.parent.iterdir()) == []


@pytest.mark.usefixtures("short")
def test_a_second_trainer_is_told_who_is_at_work(folder: Path) -> None:
    begun = time.monotonic()
    with (
        leased(folder),
        pytest.raises(UserError, match=rf"process {os.getpid()} on \S+ is training here"),
        leased(folder),
    ):
        pass
    assert time.monotonic() - begun < 1


def test_one_that_was_killed_on_this_machine_is_followed_at_once(folder: Path) -> None:
    left_behind(folder)
    begun = time.monotonic()
    with leased(folder) as held:
        held.check()
    assert time.monotonic() - begun < 1


@pytest.mark.usefixtures("short")
def test_one_that_was_lost_with_its_machine_is_followed_when_its_lease_has_ended(folder: Path) -> None:
    left_behind(folder, machine="another", host="n7", job="42")
    begun = time.monotonic()
    with leased(folder) as held:
        held.check()
    assert 0.5 < time.monotonic() - begun < 5


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("round_", range(10))
def test_of_several_that_follow_one_gets_the_folder(folder: Path, round_: int) -> None:
    lock = left_behind(folder, machine="another")
    almost = time.time() - 0.8
    os.utime(lock, (almost, almost))
    got, refused, done = [], [], threading.Event()

    def follow() -> None:
        try:
            with leased(folder) as held:
                got.append(held)
                done.wait(5)
                held.check()
        except UserError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=follow) for _ in range(6)]
    for thread in threads:
        thread.start()
    while len(got) + len(refused) < len(threads) and any(thread.is_alive() for thread in threads):
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert all("is training here" in error for error in refused)
    assert list(folder.parent.iterdir()) == []


def test_a_claim_that_was_left_half_way_locks_nobody_out(folder: Path) -> None:
    lock = left_behind(folder)
    claim = lock.with_name(f".{lock.name}.after.{json.loads(lock.read_text())['id']}")
    claim.write_text(lock.read_text())
    with leased(folder) as held:
        held.check()
    assert list(folder.parent.iterdir()) == []


@pytest.mark.usefixtures("short")
def test_one_that_slept_past_its_lease_finds_that_it_has_lost_the_folder(folder: Path) -> None:
    with leased(folder) as sleeper:
        sleeper._stop.set()  # as if the process had been suspended
        file = folder.with_name("0123.lease")
        file.write_text(json.dumps(json.loads(file.read_text()) | {"machine": "another"}))
        with leased(folder) as follower:
            with pytest.raises(UserError, match="another trainer has taken this run over"):
                sleeper.check()
            follower.check()
