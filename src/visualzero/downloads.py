"""Downloads that survive a bad network: retried, resumed, and refused in one line where that doesn't help.

Within an attempt huggingface_hub goes on where a broken transfer stopped. What fails for another passing reason (a busy
server, no connection) is tried again after 1, 5 and 25 seconds.
"""

import errno
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from huggingface_hub import cached_assets_path
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get

from visualzero.data.image import ImageError, decode
from visualzero.errors import UserError
from visualzero.manifest import atomic, sha256
from visualzero.progress import Progress

WAITS = (1, 5, 25)  # seconds before the second, third and fourth attempt
AT_ONCE = 8  # files of a web server; one at a time would mostly wait
RETRIED = {408, 429, 500, 502, 503, 504}
T = TypeVar("T")


@dataclass(frozen=True)
class Download:
    """A file on this disk, and the digest of its content."""

    path: Path
    sha256: str


def patiently(download: Callable[[], T], explain: Callable[[Exception], str]) -> T:
    """What `download` returns, tried again as long as it fails for a passing reason.

    Raises:
        UserError: with what `explain` says about the last error.
    """
    attempt = 0
    while True:
        try:
            return download()
        except (OSError, httpx.HTTPError) as error:
            reason = cause(error)
            if attempt == len(WAITS) or not passing(reason):
                raise UserError(explain(reason)) from None
        time.sleep(WAITS[attempt])
        attempt += 1


def cause(error: BaseException) -> Exception:
    """The error that huggingface_hub's own, which says that a file is not in the cache either, came from."""
    while isinstance(error.__cause__, OSError | httpx.HTTPError) and not isinstance(error, HfHubHTTPError):
        error = error.__cause__
    assert isinstance(error, Exception)
    return error


def passing(error: Exception) -> bool:
    """Whether the same request may well succeed a little later."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in RETRIED
    return isinstance(error, httpx.TransportError)


def trouble(error: Exception, place: str, cache: Path) -> str:
    """What is wrong and what helps, for the errors that any download can have; `place` is what was asked."""
    if isinstance(error, OfflineModeIsEnabled):
        return (
            f"not in the cache ({cache}), and HF_HUB_OFFLINE forbids to download it: run the same command once where"
            " there is a network, with the same HF_HOME"
        )
    if isinstance(error, HfHubHTTPError):
        return f"{place} answered {error.response.status_code}: check the name, or try again later"
    if isinstance(error, httpx.HTTPError):
        reason = str(error).partition("\n")[0] or type(error).__name__
        return f"{place} can't be reached ({reason}): check the network and run again; whole files are kept"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left on the disk of {cache}: free some, or set HF_HOME to a folder on a larger disk"
    return f"{place}: {str(error).partition(chr(10))[0]}: run again"


def fetch_images(links: Iterable[str], collection: str, key: str) -> dict[str, Download]:
    """Images of the web by their links, kept in huggingface_hub's folder of assets under the name `collection`.

    Raises:
        UserError: with the link, if an image can't be had or what comes is no image; `key` names the config key.
    """
    folder = cached_assets_path("visualzero", collection)
    wanted = list(dict.fromkeys(links))
    progress = Progress(f"{key}: images", len(wanted), "image")
    found = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        images = pool.map(lambda link: _image(link, folder, key), wanted)  # cancels what is left once one fails
        for link, image in zip(wanted, images, strict=True):
            found[link] = image
            progress.update(len(found))
    return found


def _image(link: str, folder: Path, key: str) -> Download:
    # Named by the link's digest: no link can lead out of the folder, and two servers' 1.jpg don't meet.
    path = folder / f"{sha256_of(link.encode()).hexdigest()[:32]}{Path(urlsplit(link).path).suffix}"
    if not path.is_file():
        where = f"{key}: {link}"
        patiently(
            lambda: _get_image(link, path, where), lambda error: f"{where}: {trouble(error, 'its server', folder)}"
        )
    return Download(path, sha256(path))


def _get_image(link: str, path: Path, where: str) -> None:
    with atomic(path) as temporary:
        with temporary.open("wb") as file:
            http_get(link, file)
        try:
            decode(temporary.read_bytes())
        except ImageError:
            raise UserError(
                f"{where}: what comes is no whole image: open the link in a browser, and try again later"
            ) from None
