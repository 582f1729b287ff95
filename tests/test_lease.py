"""The lock on a work folder: one trainer at a time, and none locked out by one that is gone."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
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
    one_of_several_follows(folder)


def one_of_several_follows(folder: Path) -> None:
    """Let six follow a lost trainer at once, and see that one does and the others are told."""
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


# Whatever the lock says, and whatever its date


def dated(lock: Path, seconds: float) -> None:
    """Date a lock `seconds` from now."""
    then = time.time() + seconds
    os.utime(lock, (then, then))


def seconds_to_follow(folder: Path) -> float:
    begun = time.monotonic()
    with leased(folder) as held:
        held.check()
    assert list(folder.parent.iterdir()) == []
    return time.monotonic() - begun


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("days", [0.001, 2, 20000])
def test_a_lock_dated_in_the_future_is_nobodys_once_it_was_not_renewed_for_a_lease(folder: Path, days: float) -> None:
    dated(left_behind(folder, machine="another"), days * 24 * 3600)
    assert 0.5 < seconds_to_follow(folder) < 5


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("days", [2, -2], ids=["in the future", "in the past"])
def test_a_holder_at_work_is_seen_whatever_the_date_of_its_lock(folder: Path, days: float) -> None:
    with leased(folder) as held:
        held.file.write_text(json.dumps(held.owner | {"machine": "another"}))
        dated(held.file, days * 24 * 3600)
        with pytest.raises(UserError, match="is training here: wait for it, or stop it"), leased(folder):
            pass
        held.check()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", "7", '{"id": "1"', '{"id": "1"}', '{"id": 1, "pid": "x", "machine": 2}', "\x00" * 9],
)
def test_a_lock_that_names_nobody_is_nobodys_after_a_lease(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    left_behind(folder).write_text(content)
    assert 0.5 < seconds_to_follow(folder) < 5
    assert "0123.lease doesn't name was training here and may be gone" in capsys.readouterr().err


@pytest.mark.usefixtures("short")
def test_a_lock_whose_id_is_a_path_leads_nowhere_else(folder: Path) -> None:
    left_behind(folder, id="../../elsewhere", machine="another")
    seconds_to_follow(folder)
    assert list(folder.parent.parent.iterdir()) == [folder.parent]


def test_what_killed_trainers_have_left_beside_a_lock_is_removed(folder: Path) -> None:
    lock = left_behind(folder)
    for left in (f".{lock.name}.{'0' * 32}", f".{lock.name}.after.{'1' * 32}"):
        lock.with_name(left).write_text(lock.read_text())
    forgotten = lock.with_name(f".{lock.name}.{'2' * 32}")
    forgotten.write_text(json.dumps(json.loads(lock.read_text()) | {"machine": "another"}))
    dated(forgotten, -2 * 24 * 3600)
    seconds_to_follow(folder)


# File systems without hard links


@pytest.fixture(params=[errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS], ids=errno.errorcode.get)
def no_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("no_links", "short")
def test_without_hard_links_a_folder_is_held_and_followed_as_well(folder: Path) -> None:
    with leased(folder) as held:
        held.check()
        with pytest.raises(UserError, match="is training here"), leased(folder):
            pass
    assert list(folder.parent.iterdir()) == []
    left_behind(folder, machine="another")
    assert seconds_to_follow(folder) < 5


@pytest.mark.usefixtures("no_links", "short")
def test_without_hard_links_one_of_several_that_follow_gets_the_folder(folder: Path) -> None:
    one_of_several_follows(folder)


def test_an_error_that_is_none_of_links_is_not_hidden(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="No space left"), leased(folder):
        pass


def test_a_link_whose_answer_was_lost_is_taken_for_what_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def repeat(source: Path, target: Path, link: Callable[[Path, Path], None] = os.link) -> None:
        link(source, target)
        link(source, target)  # as NFS does when it has heard nothing

    monkeypatch.setattr(os, "link", repeat)
    with leased(folder) as held:
        held.check()
