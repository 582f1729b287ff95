"""Files of the model hub, or of a mirror of it (HF_ENDPOINT): pinned to a commit, only what is needed, and checked.

huggingface_hub transfers them, into its own cache (HF_HOME), which other programs share and which serves offline
(HF_HUB_OFFLINE=1). It trusts what arrives if only the size is right. So every file is also compared with its digest:
the one that the hub names (sha256 of a large file, git's of a small one) and the one that the config pins, if it does.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from visualzero.downloads import Download, patiently, trouble
from visualzero.errors import UserError
from visualzero.manifest import sha256
from visualzero.progress import say

COMMIT = re.compile(r"[0-9a-f]{40}")
NO_SPACE = "No space left on device"


@dataclass(frozen=True)
class Repo:
    """A repository at a commit.

    `sha256` pins digests of files by name. `key` is the config key of all this, such as `models.base`, for errors.
    """

    kind: Literal["model", "dataset"]
    name: str
    revision: str | None
    sha256: Mapping[str, str]
    key: str

    @property
    def page(self) -> str:
        """Its page on the hub."""
        return f"{constants.ENDPOINT}/{'datasets/' if self.kind == 'dataset' else ''}{self.name}"

    @property
    def commit(self) -> str:
        """The commit; raises `UserError` if the config names none."""
        if self.revision is None or not COMMIT.fullmatch(self.revision):
            given = "not pinned" if self.revision is None else f"'{self.revision}' is not a commit"
            raise UserError(
                f"{self.key}.revision: {given}, and what a branch holds may change: give the 40 digits of a commit"
                f" from {self.page}/commits/main"
            )
        return self.revision


def files_of(repo: Repo, patterns: Sequence[str]) -> list[str]:
    """Names of the files of a repository that fit the patterns (`*` for any text); nothing is downloaded.

    Raises:
        UserError: as `fetch`.
    """
    wanted: dict[str, Any] = {"repo_id": repo.name, "repo_type": repo.kind, "revision": repo.commit}
    plan = patiently(
        lambda: snapshot_download(**wanted, allow_patterns=list(patterns), dry_run=True), partial(_explain, repo)
    )
    return sorted(file.filename for file in plan)


def fetch(repo: Repo, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Download]:
    """Files of a repository by name: all `required` ones, and those of the `optional` ones that it has.

    Raises:
        UserError: in one line, if the commit isn't pinned, a file is missing or not what it should be, the hub can't be
            reached or refuses, a token or the consent to a licence is needed, or the disk is full.
    """
    wanted: dict[str, Any] = {
        "repo_id": repo.name,
        "repo_type": repo.kind,
        "revision": repo.commit,
        "allow_patterns": [*required, *optional],
    }
    plan = patiently(lambda: snapshot_download(**wanted, dry_run=True), partial(_explain, repo))
    names = sorted(file.filename for file in plan)
    if missing := sorted(set(required) - set(names)):
        raise UserError(
            f"{repo.key}: {repo.name} has no file '{missing[0]}' at {repo.commit}: see {repo.page}/tree/{repo.commit}"
        )
    if size := sum(file.file_size or 0 for file in plan if file.will_download):
        _check_room(size, Path(constants.HF_HUB_CACHE))
        say(f"{repo.name}: downloading {size / 1e6:.1f} MB")
    folder = patiently(lambda: _download(wanted), partial(_explain, repo))
    return {name: _checked(repo, name, folder / name) for name in names}


def _download(wanted: dict[str, Any]) -> Path:
    try:
        return Path(snapshot_download(**wanted))
    except RuntimeError as error:  # what hf_xet, which moves large files, says of anything that went wrong
        text = str(error).partition("\n")[0]
        if NO_SPACE in text:
            raise OSError(errno.ENOSPC, NO_SPACE) from None
        raise httpx.TransportError(f"{text}; HF_HUB_DISABLE_XET=1 downloads in another way") from None


def _check_room(size: int, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if free < size:
        raise UserError(
            f"{cache}: {size / 1e9:.1f} GB are to be downloaded and {free / 1e9:.1f} GB are free: free some, or set"
            " HF_HOME to a folder on a larger disk"
        )


def _checked(repo: Repo, name: str, path: Path) -> Download:
    """The file, if its content has the digests that it should have; one that differs from the hub's is removed."""
    found = sha256(path)
    # In the cache a file is a link to a blob that is named as the hub names the content: sha256, or git's sha1.
    blob = path.parent / os.readlink(path) if path.is_symlink() else None
    if blob and blob.name != (found if len(blob.name) == 64 else _git_sha1(path)):
        for file in (path.resolve(), blob, path):
            file.unlink(missing_ok=True)
        raise UserError(f"{repo.key}: {repo.name}/{name}: arrived altered, and was removed: run again")
    if found != repo.sha256.get(name, found):
        raise UserError(f"{repo.key}.sha256: {repo.name}/{name}: has the sha256 {found}, not the one that is given")
    return Download(path, found)


def _git_sha1(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _explain(repo: Repo, error: Exception) -> str:
    if isinstance(error, GatedRepoError):
        return (
            f"{repo.key}: {repo.name} is given to those only who accept its terms: accept them at {repo.page}, then"
            " give your token (HF_TOKEN, or `hf auth login`)"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{repo.key}.revision: {repo.name} has no commit {repo.revision}: take one from {repo.page}/commits/main"
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{repo.key}.repo: no {repo.kind} '{repo.name}', or a private one: correct the name, or give a token that"
            " may read it (HF_TOKEN, or `hf auth login`)"
        )
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return (
            f"{repo.key}: {repo.name}: your token is not accepted ({error.response.status_code}): give a valid one that"
            " may read it (HF_TOKEN, or `hf auth login`)"
        )
    return f"{repo.key}: {repo.name}: {trouble(error, constants.ENDPOINT, Path(constants.HF_HUB_CACHE))}"
