"""The hub: files come whole or not at all, a bad network is survived, and every refusal says what helps."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants
from PIL import Image

from hub_server import Hub, environment, hub, serve, sha256
from visualzero import downloads
from visualzero.downloads import Download, patiently
from visualzero.errors import UserError
from visualzero.hub import Repo, fetch

__all__ = ["hub"]  # the fixture
SMALL = b'{"rows": 3}\n'
LARGE = os.urandom(300_000)
FILES = {"README.md": b"# Some data\n", "info.json": SMALL, "train.parquet": LARGE, "more/test.parquet": LARGE[:5000]}


@pytest.fixture
def repo(hub: Hub) -> Repo:
    return Repo("dataset", "some/data", hub.add("some/data", FILES), {}, "data.train")


def refusal(repo: Repo, *names: str) -> str:
    """The one line with which a download is refused."""
    with pytest.raises(UserError) as caught:
        fetch(repo, names or ["train.parquet"])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def cached() -> list[str]:
    """Names of the snapshot's files in the cache, and sizes of blobs."""
    cache = Path(constants.HF_HUB_CACHE)
    return sorted(path.name for path in cache.glob("*/snapshots/*/**/*") if not path.is_dir())


def blobs() -> list[Path]:
    return list(Path(constants.HF_HUB_CACHE).glob("*/blobs/*"))


# What comes


def test_only_the_files_that_are_needed_come_with_their_digests(repo: Repo, hub: Hub) -> None:
    found = fetch(repo, ["train.parquet"], ["info.json", "nothing.json"])
    assert {name: file.sha256 for name, file in found.items()} == {
        "info.json": sha256(SMALL),
        "train.parquet": sha256(LARGE),
    }
    assert found["train.parquet"].path.read_bytes() == LARGE
    assert cached() == ["info.json", "train.parquet"]
    assert {name for _, name, _ in hub.asked} == {"info.json", "train.parquet"}


def test_a_file_in_a_folder_keeps_its_name(repo: Repo) -> None:
    assert list(fetch(repo, ["more/test.parquet"])) == ["more/test.parquet"]


def test_what_is_in_the_cache_is_not_asked_for_again(repo: Repo, hub: Hub) -> None:
    once = fetch(repo, ["train.parquet"])
    hub.asked.clear()
    assert fetch(repo, ["train.parquet"]) == once
    assert hub.asked == []


def test_a_model_is_looked_for_among_the_models(hub: Hub) -> None:
    commit = hub.add("some/model", {"config.json": SMALL}, kind="model")
    found = fetch(Repo("model", "some/model", commit, {}, "models.base"), ["config.json"])
    assert found["config.json"].sha256 == sha256(SMALL)


def test_a_token_goes_to_the_hub_and_to_no_other_host(repo: Repo, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_secret"
    hub.gated.add("datasets/some/data")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert fetch(repo, ["train.parquet"])["train.parquet"].path.read_bytes() == LARGE  # the server would have failed


# A bad network


def test_a_broken_transfer_goes_on_where_it_stopped(repo: Repo, hub: Hub) -> None:
    hub.breaks["train.parquet"] = [100_000, 50_000]
    assert fetch(repo, ["train.parquet"])["train.parquet"].path.read_bytes() == LARGE
    assert hub.downloads("train.parquet") == [None, "bytes=100000-", "bytes=150000-"]


def test_a_line_that_stays_dead_is_given_up_and_leaves_nothing(repo: Repo, hub: Hub) -> None:
    hub.breaks["train.parquet"] = [100_000] + [0] * 100
    assert "data.train: some/data: " in (text := refusal(repo))
    assert text.endswith("check the network and run again; whole files are kept")
    assert cached() == blobs() == []


@pytest.mark.parametrize("name", ["info.json", "train.parquet"])
def test_a_busy_server_is_asked_again(repo: Repo, hub: Hub, name: str) -> None:
    hub.busy[name] = 3
    assert fetch(repo, [name])[name].path.read_bytes() == FILES[name]
    assert len(hub.downloads(name)) == 4


def test_a_busy_listing_is_asked_for_again(repo: Repo, hub: Hub) -> None:
    hub.busy["tree"] = 3
    assert list(fetch(repo, ["info.json"])) == ["info.json"]


def test_a_server_that_stays_busy_is_given_up(repo: Repo, hub: Hub) -> None:
    hub.busy["train.parquet"] = 1000
    assert refusal(repo) == f"data.train: some/data: {hub.url} answered 503: check the name, or try again later"
    assert len(hub.downloads("train.parquet")) == 1 + len(downloads.WAITS)


def test_attempts_are_further_and_further_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(downloads, "time", SimpleNamespace(sleep=naps.append))

    def never() -> None:
        raise downloads.httpx.ConnectError("no route to host")

    with pytest.raises(UserError, match="no route to host"):
        patiently(never, str)
    assert naps == sorted(set(naps)) == list(downloads.WAITS)


def test_what_can_not_pass_is_not_tried_again() -> None:
    attempts = []

    def never() -> None:
        attempts.append(1)
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(UserError, match="Permission denied"):
        patiently(never, str)
    assert len(attempts) == 1


def test_a_hub_that_is_not_there_is_told(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the port of "discard", where nobody listens
    assert refusal(repo).startswith("data.train: some/data: http://127.0.0.1:9 can't be reached (")


# What is not what it should be


@pytest.mark.parametrize("name", ["info.json", "train.parquet"])
def test_an_altered_file_is_refused_and_nothing_of_it_is_left(repo: Repo, hub: Hub, name: str) -> None:
    hub.altered.add(name)
    assert refusal(repo, name) == f"data.train: some/data/{name}: arrived altered, and was removed: run again"
    assert cached() == blobs() == []
    hub.altered.clear()
    assert fetch(repo, [name])[name].path.read_bytes() == FILES[name]


def test_a_file_that_was_altered_in_the_cache_is_refused_and_comes_anew(repo: Repo) -> None:
    path = fetch(repo, ["train.parquet"])["train.parquet"].path
    path.resolve().write_bytes(LARGE[:-1] + b"!")
    assert "arrived altered, and was removed" in refusal(repo)
    assert fetch(repo, ["train.parquet"])["train.parquet"].path.read_bytes() == LARGE


def test_a_digest_of_the_config_is_checked(repo: Repo) -> None:
    right = Repo(repo.kind, repo.name, repo.revision, {"train.parquet": sha256(LARGE)}, repo.key)
    assert fetch(right, ["train.parquet"])["train.parquet"].sha256 == sha256(LARGE)
    wrong = Repo(repo.kind, repo.name, repo.revision, {"train.parquet": sha256(SMALL)}, repo.key)
    assert refusal(wrong) == (
        f"data.train.sha256: some/data/train.parquet: has the sha256 {sha256(LARGE)}, not the one that is given"
    )


# What is refused, and what helps


@pytest.mark.parametrize(("revision", "said"), [(None, "not pinned"), ("main", "'main' is not a commit")])
def test_a_revision_that_is_not_pinned_is_refused_with_the_key_and_where_commits_are(
    repo: Repo, hub: Hub, revision: str | None, said: str
) -> None:
    assert refusal(Repo("dataset", "some/data", revision, {}, "data.train")) == (
        f"data.train.revision: {said}, and what a branch holds may change: give the 40 digits of a commit"
        f" from {hub.url}/datasets/some/data/commits/main"
    )
    assert hub.asked == []


def test_a_missing_file_is_named(repo: Repo) -> None:
    assert refusal(repo, "train.parquet", "val.parquet").startswith(
        f"data.train: some/data has no file 'val.parquet' at {repo.revision}: see http://"
    )
    assert cached() == []


def test_a_missing_commit_is_named(repo: Repo, hub: Hub) -> None:
    commit = "0" * 40
    assert refusal(Repo("dataset", "some/data", commit, {}, "data.train")) == (
        f"data.train.revision: some/data has no commit {commit}: take one from"
        f" {hub.url}/datasets/some/data/commits/main"
    )


def test_a_missing_repository_is_named(repo: Repo) -> None:
    text = refusal(Repo("dataset", "some/date", repo.revision, {}, "data.train"))
    assert text.startswith(
        "data.train.repo: no dataset 'some/date', or a private one: correct the name, or give a token"
    )


@pytest.mark.parametrize("token", [None, "hf_other"], ids=["no token", "a token without access"])
def test_a_licence_to_accept_is_told(repo: Repo, hub: Hub, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    hub.token = "hf_secret"
    hub.gated.add("datasets/some/data")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert refusal(repo) == (
        "data.train: some/data is given to those only who accept its terms: accept them at"
        f" {hub.url}/datasets/some/data, then give your token (HF_TOKEN, or `hf auth login`)"
    )


def test_an_invalid_token_is_told(repo: Repo, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_secret"
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    assert refusal(repo).startswith("data.train: some/data: your token is not accepted (401): give a valid one")


def test_too_little_room_is_told_before_anything_comes(repo: Repo, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    assert "0.0 GB are to be downloaded and 0.0 GB are free: free some, or set HF_HOME" in refusal(repo)
    assert hub.downloads("train.parquet") == []


def test_a_disk_that_fills_up_meanwhile_is_told(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    assert refusal(repo) == (
        f"data.train: some/data: no space left on the disk of {constants.HF_HUB_CACHE}: free some, or set HF_HOME to a"
        " folder on a larger disk"
    )
    assert cached() == blobs() == []


# Xet, where the hub keeps its large files: hf_xet raises RuntimeError, whatever went wrong


def test_a_failure_of_xet_is_tried_again(repo: Repo, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [RuntimeError("Task error: CAS Client Error: Request middleware error: error sending request")]

    def xet_get(*, incomplete_path: Path, **options: object) -> None:
        if failures:
            raise failures.pop()
        incomplete_path.write_bytes(LARGE)

    hub.xet = True
    monkeypatch.setattr("huggingface_hub.file_download.xet_get", xet_get)
    assert fetch(repo, ["train.parquet"])["train.parquet"].path.read_bytes() == LARGE
    assert not failures


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Task error: CAS Client Error: 403\nand more", "(Task error: CAS Client Error: 403; HF_HUB_DISABLE_XET=1"),
        ("Task error: IO error: No space left on device (os error 28)", "no space left on the disk of "),
    ],
)
def test_a_lasting_failure_of_xet_is_told(
    repo: Repo, hub: Hub, monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    def xet_get(**options: object) -> None:
        raise RuntimeError(said)

    hub.xet = True
    monkeypatch.setattr("huggingface_hub.file_download.xet_get", xet_get)
    assert told in refusal(repo)
    assert cached() == blobs() == []


# Offline


def test_offline_the_cache_serves(repo: Repo, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    online = fetch(repo, ["train.parquet"], ["info.json"])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    assert fetch(repo, ["train.parquet"], ["info.json"]) == online
    assert hub.asked == []


@pytest.mark.parametrize("before", [[], ["info.json"]], ids=["empty cache", "another file in the cache"])
def test_offline_what_is_not_in_the_cache_is_told(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, before: list[str]
) -> None:
    if before:
        fetch(repo, before)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    text = refusal(repo)
    assert text.startswith(f"data.train: some/data: not in the cache ({constants.HF_HUB_CACHE}), and HF_HUB_OFFLINE")


def test_the_variables_of_huggingface_hub_are_heeded(tmp_path: Path) -> None:
    code = (
        "import sys; from visualzero.hub import Repo, fetch;"
        "repo = Repo('dataset', 'some/data', sys.argv[1], {}, 'data.train');"
        "print(fetch(repo, ['train.parquet'])['train.parquet'].sha256)"
    )
    with serve() as served:
        command = [sys.executable, "-c", code, served.add("some/data", FILES)]
        run: Callable[..., str] = lambda **more: subprocess.run(  # noqa: E731
            command, env=environment(served, tmp_path) | more, capture_output=True, text=True, check=True
        ).stdout.strip()
        assert run() == sha256(LARGE)
    assert (tmp_path / "hub" / "datasets--some--data").is_dir()
    assert run(HF_HUB_OFFLINE="1") == sha256(LARGE)


# Images of the web


def test_an_image_is_fetched_once(hub: Hub, tmp_path: Path) -> None:
    content = picture()
    link = hub.add_web("train2017/1.png", content)
    once = downloads.fetch_images([link, link], "some", "data.benchmarks.vsr.source")
    assert once == {link: Download(once[link].path, sha256(content))}
    assert once[link].path.is_relative_to(tmp_path / "hf" / "assets")
    assert downloads.fetch_images([link], "some", "key") == once
    assert hub.downloads("train2017/1.png") == [None]


def test_images_of_the_same_name_do_not_meet(hub: Hub) -> None:
    links = [hub.add_web(f"{folder}/1.png", picture(color)) for folder, color in (("a", "red"), ("b", "blue"))]
    found = downloads.fetch_images(links, "some", "key")
    assert found[links[0]].sha256 != found[links[1]].sha256


def test_a_broken_or_busy_image_comes_in_the_end(hub: Hub) -> None:
    content = picture(compress_level=0)
    assert len(content) > 1000
    link = hub.add_web("1.png", content)
    hub.breaks["1.png"], hub.busy["1.png"] = [1000], 2
    assert downloads.fetch_images([link], "some", "key")[link].path.read_bytes() == content
    assert hub.downloads("1.png") == [None, None, None, "bytes=1000-"]


def test_a_missing_image_is_named_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    link = f"{hub.url}/web/none.jpg"
    with pytest.raises(UserError) as caught:
        downloads.fetch_images([link], "some", "key")
    assert str(caught.value) == f"key: {link}: its server answered 404: check the name, or try again later"
    assert [path for path in (tmp_path / "hf" / "assets").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("content", [b"<html>not here any more</html>", b""], ids=["a page", "nothing"])
def test_what_is_no_image_is_refused(hub: Hub, tmp_path: Path, content: bytes) -> None:
    link = hub.add_web("1.jpg", content)
    with pytest.raises(UserError, match=r"1\.jpg: what comes is no whole image: open the link in a browser"):
        downloads.fetch_images([link], "some", "key")
    assert [path for path in (tmp_path / "hf" / "assets").rglob("*") if path.is_file()] == []


def test_offline_an_image_that_is_not_in_the_cache_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    links = [hub.add_web(f"{name}.png", picture()) for name in "ab"]
    downloads.fetch_images(links[:1], "some", "key")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert list(downloads.fetch_images(links[:1], "some", "key")) == links[:1]
    with pytest.raises(UserError, match=r"b\.png: not in the cache .* HF_HUB_OFFLINE forbids"):
        downloads.fetch_images(links, "some", "key")


def picture(color: str = "red", **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(buffer, "PNG", **options)
    return buffer.getvalue()
