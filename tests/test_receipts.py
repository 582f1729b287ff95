"""What outputs were when their jobs ended: content decides, and no file of the cache is written through a link."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from visualzero.reruns.receipts import RECEIPTS, altered, decayed, write_receipts
from visualzero.reruns.unlinking import unlink_from_cache


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("summary.json")
    path.write_text("1")
    return path


def at(time: float | None) -> Callable[[Path], float | None]:
    """What Snakemake would have noted."""
    return lambda path: time


def test_an_output_is_trusted_as_long_as_its_time_is_the_noted_one(output: Path) -> None:
    noted = at(output.stat().st_mtime)
    assert altered([output], noted) == []
    os.utime(output, (1, 1))
    assert altered([output], noted) == [output], "nobody knows what it was"


def test_of_a_touched_output_the_digest_decides(output: Path) -> None:
    noted = at(output.stat().st_mtime)
    write_receipts([output], noted)
    os.utime(output, (1, 1))
    assert altered([output], noted) == []
    output.write_text("2")
    os.utime(output, (2, 2))
    assert altered([output], noted) == [output]


def test_what_is_altered_gets_no_receipt(output: Path) -> None:
    noted = at(output.stat().st_mtime)
    write_receipts([output], noted)
    output.write_text("2")
    os.utime(output, (2, 2))
    write_receipts([output], noted)
    assert altered([output], noted) == [output]


def test_an_output_that_was_made_again_has_a_new_receipt(output: Path) -> None:
    write_receipts([output], at(output.stat().st_mtime))
    output.write_text("2")
    os.utime(output, (2, 2))
    write_receipts([output], at(2.0))
    os.utime(output, (3, 3))
    assert altered([output], at(2.0)) == []


def test_nothing_is_said_of_what_is_not_there_or_was_never_noted(output: Path) -> None:
    assert altered([Path("gone.json")], at(0.0)) == []
    assert altered([output], at(None)) == []


def test_receipts_that_can_not_be_read_are_none(output: Path) -> None:
    RECEIPTS.parent.mkdir(parents=True)
    RECEIPTS.write_text("{")
    assert altered([output], at(output.stat().st_mtime)) == []
    assert altered([output], at(0.0)) == [output]


def test_times_that_are_links_into_the_cache_become_files_of_their_own(tmp_path: Path) -> None:
    cached, times = tmp_path / "cache", tmp_path / "timings"
    times.mkdir()
    cached.write_text("1.0\n")
    cached.chmod(0o444)
    (times / "hard.tsv").hardlink_to(cached)
    (times / "soft.tsv").symlink_to(cached)
    (times / "own.tsv").write_text("2.0\n")
    own = (times / "own.tsv").stat()
    unlink_from_cache(times)
    for name in ("hard.tsv", "soft.tsv"):
        assert (times / name).read_text() == "1.0\n"
        (times / name).write_text("3.0\n")
    assert cached.read_text() == "1.0\n"
    assert (times / "own.tsv").stat() == own


def test_another_content_at_the_same_time_is_decay(output: Path) -> None:
    write_receipts([output], at(output.stat().st_mtime))
    times = output.stat()
    assert decayed(Path()) == decayed(output.parent) == []
    output.write_bytes(bytes(len(output.read_bytes())))
    assert decayed(output.parent) == []  # it was written again, which `altered` tells
    os.utime(output, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert decayed(output.parent) == [output]
    assert decayed(Path("elsewhere")) == []
