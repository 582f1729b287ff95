"""Manifests: written whole or not at all, and nothing altered or missing gets past them."""

import json
from pathlib import Path

import pytest

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
