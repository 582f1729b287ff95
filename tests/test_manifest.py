"""Manifests: written whole or not at all, and nothing altered or missing gets past them."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from visualzero import manifest as module
from visualzero.errors import UserError
from visualzero.manifest import atomic, read_manifest, sha256, verify, versions, write_json, write_manifest


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest of two files, one of them in a folder."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"\x00\x01\x02")
    (tmp_path / "history.txt").write_text("one\n")
    path = tmp_path / "manifest.json"
    write_manifest(path, [tmp_path / "model" / "weights.bin", tmp_path / "history.txt"], "0123456789abcdef", seed=1)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with atomic(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent  # the same disk, so that taking the place can't be interrupted
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.txt"]


def test_a_written_file_can_be_read_by_others(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {})
    assert (tmp_path / "file.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_what_json_can_not_hold_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "file.json", {"path": tmp_path})
    assert names(tmp_path) == []


def test_a_manifest_says_what_the_output_is(manifest: Path) -> None:
    content = read_manifest(manifest)
    assert content["fingerprint"] == "0123456789abcdef"
    assert content["seed"] == 1
    assert content["files"] == {
        "history.txt": sha256(manifest.parent / "history.txt"),
        "model/weights.bin": "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc",
    }
    assert content["versions"] == versions()
    assert {"python", "torch", "transformers", "trl"} <= content["versions"].keys()
    assert set(content["hardware"]) >= {"machine", "system", "cpu"}


def test_an_untouched_output_is_whole(manifest: Path) -> None:
    verify(manifest)


def test_an_altered_file_is_detected(manifest: Path) -> None:
    (manifest.parent / "model" / "weights.bin").write_bytes(b"\x00\x01\x03")
    with pytest.raises(UserError, match=r"model/weights\.bin: altered since it was made: delete .*manifest\.json"):
        verify(manifest)


def test_a_missing_file_is_detected(manifest: Path) -> None:
    (manifest.parent / "history.txt").unlink()
    with pytest.raises(UserError, match=r"history\.txt: missing, though .*manifest\.json lists it"):
        verify(manifest)


@pytest.mark.parametrize(
    "content",
    ["", '{"files": {', "[]", '{"fingerprint": "x"}', '{"files": ["history.txt"]}'],
    ids=["empty", "cut off", "a list", "no files", "files without digests"],
)
def test_what_is_no_manifest_is_told_in_one_line(manifest: Path, content: str) -> None:
    manifest.write_text(content)
    with pytest.raises(UserError, match="not a manifest") as caught:
        verify(manifest)
    assert "\n" not in str(caught.value)


def test_a_missing_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such manifest"):
        read_manifest(tmp_path / "manifest.json")


def test_a_manifest_is_readable_by_other_tools(manifest: Path) -> None:
    text = manifest.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


# What killed processes leave

KILLED = """
import os, sys
from pathlib import Path
from visualzero.manifest import atomic
with atomic(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os._exit(9)
"""


@pytest.mark.parametrize("name", ["train.parquet", "[a] *.json", "x-1-2.part"])
def test_what_a_killed_process_was_writing_is_removed_by_the_next(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for _ in range(2):
        subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    (tmp_path / f"other {name}").write_text("")
    assert len(names(tmp_path)) == 2  # the second has removed what the first one left
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == sorted([name, f"other {name}"])


def test_what_a_living_process_is_writing_stays(tmp_path: Path) -> None:
    with atomic(tmp_path / "file") as outer:
        outer.write_text("outer")
        with atomic(tmp_path / "file") as inner:
            inner.write_text("inner")
        assert outer.is_file()
    assert (tmp_path / "file").read_text() == "outer"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(("hours", "stays"), [(-1, True), (1, True), (-48, False), (48, False)])
def test_what_another_machine_was_writing_stays_for_a_day(tmp_path: Path, hours: int, stays: bool) -> None:
    left = tmp_path / ".file.01234567-1-abcdefgh.part"
    left.write_text("half")
    then = left.stat().st_mtime + hours * 3600
    os.utime(left, (then, then))
    write_json(tmp_path / "file", {})
    assert left.exists() == stays


# Power may be lost


def test_all_that_a_manifest_lists_is_on_the_disk_before_it_is(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    def note_replace(source: Path, target: Path) -> None:
        done.append(f"the manifest, from {source}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    weights = manifest.parent / "model" / "weights.bin"
    write_manifest(manifest, [weights], "0" * 16)
    *before, placed, after = done
    assert {str(weights), str(weights.parent), str(manifest.parent)} <= set(before)
    assert placed == f"the manifest, from {before[-1]}"
    assert after == str(manifest.parent)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_disk_that_is_full_only_in_the_end_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write_json(tmp_path / "file.json", "old")

    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        write_json(tmp_path / "file.json", "new")
    assert json.loads((tmp_path / "file.json").read_text()) == "old"
    assert names(tmp_path) == ["file.json"]


def test_a_file_system_that_knows_no_fsync_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fail)
    write_json(tmp_path / "file.json", "new")
    assert json.loads((tmp_path / "file.json").read_text()) == "new"


def test_a_file_that_can_not_be_read_is_told(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(module, "sha256", fail)
    with pytest.raises(
        UserError, match=r"history\.txt: unreadable \(Input/output error\): delete .*manifest\.json and"
    ):
        verify(manifest)
