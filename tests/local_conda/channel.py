"""A conda channel on disk with what envs/*.yaml ask for: Python, as a wrapper of the one that runs this, and pip."""

import bz2
import configparser
import hashlib
import io
import json
import platform
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

TIME = 1700000000


def make_channel(channel: Path, envs: list[Path], cache: Path) -> None:
    """Write `channel` with the Python and pip that `envs` pin; pip's wheel comes through pip itself."""
    pins = {tuple(pin.split("=")) for env in envs for pin in yaml.safe_load(env.read_text())["dependencies"]}
    for name, version in sorted(pins):
        if name == "python":
            pack_python(channel, version)
        else:
            download = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "-d",
                str(cache),
                f"{name}=={version}",
            ]
            subprocess.run(download, check=True)
            [wheel] = cache.glob(f"{name}-{version}-*.whl")
            pack_wheel(channel, wheel)
    write_repodata(channel)


def pack_python(channel: Path, version: str) -> None:
    """A package of links to this interpreter; pyvenv.cfg makes the environment its sys.prefix.

    It claims to be `version`, of which only the first two numbers have to be true.
    """
    home = Path(sys.base_prefix) / "bin"
    real = str((home / f"python{sysconfig.get_python_version()}").resolve())
    assert version.startswith(f"{sysconfig.get_python_version()}."), "make test with the Python of envs/*.yaml"
    short = sysconfig.get_python_version()
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {platform.python_version()}\n"
    links = {f"bin/python{short}": real, "bin/python3": f"python{short}", "bin/python": f"python{short}"}
    files = {"pyvenv.cfg": settings.encode(), f"lib/python{short}/site-packages/README.txt": b"this environment's\n"}
    index = {"name": "python", "version": version, "build": "host_0", "subdir": "linux-64", "depends": []}
    pack(channel / "linux-64" / f"python-{version}-host_0.tar.bz2", files, links, index)


def pack_wheel(channel: Path, wheel: Path) -> None:
    """A wheel of pure Python as a `noarch: python` package."""
    archive = zipfile.ZipFile(wheel)
    name, version = wheel.name.split("-")[:2]
    files = {f"site-packages/{item}": archive.read(item) for item in archive.namelist() if not item.endswith("/")}
    scripts = configparser.ConfigParser(delimiters=("=",))
    scripts.read_string(archive.read(f"{name}-{version}.dist-info/entry_points.txt").decode())
    entry_points = [f"{script} = {target}" for script, target in scripts.items("console_scripts")]
    link = {"noarch": {"type": "python", "entry_points": entry_points}, "package_metadata_version": 1}
    index = {"name": name, "version": version, "build": "py_0", "subdir": "noarch", "depends": ["python"]}
    extra = {"info/link.json": json.dumps(link).encode()}
    pack(channel / "noarch" / f"{name}-{version}-py_0.tar.bz2", files, {}, index | {"noarch": "python"}, extra)


def pack(
    path: Path,
    files: dict[str, bytes],
    links: dict[str, str],
    index: dict[str, Any],
    extra: dict[str, bytes] | None = None,
) -> None:
    entries = [
        {"_path": name, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
        for name, data in sorted(files.items())
    ]
    empty = hashlib.sha256(b"").hexdigest()
    entries += [{"_path": n, "path_type": "softlink", "sha256": empty, "size_in_bytes": 0} for n in sorted(links)]
    facts = {"build_number": 0, "constrains": [], "license": "see upstream", "timestamp": TIME * 1000}
    info = {
        "info/index.json": json.dumps(index | facts).encode(),
        "info/paths.json": json.dumps({"paths": entries, "paths_version": 1}).encode(),
        "info/files": "".join(f"{entry['_path']}\n" for entry in entries).encode(),
        "info/about.json": json.dumps({"summary": "for tests"}).encode(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out, bz2.open(out, "wb", 1) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in {**info, **(extra or {}), **files}.items():
            item = tarfile.TarInfo(name)
            item.size, item.mode, item.mtime = len(data), 0o644, TIME
            archive.addfile(item, io.BytesIO(data))
        for name, target in links.items():
            item = tarfile.TarInfo(name)
            item.type, item.linkname, item.mtime = tarfile.SYMTYPE, target, TIME
            archive.addfile(item)


def write_repodata(channel: Path) -> None:
    for platform_folder in ("linux-64", "noarch"):
        folder = channel / platform_folder
        folder.mkdir(parents=True, exist_ok=True)
        packages = {}
        for package in sorted(folder.glob("*.tar.bz2")):
            with tarfile.open(package) as archive:
                member = archive.extractfile("info/index.json")
                assert member is not None
                index = json.load(member)
            data = package.read_bytes()
            digests = {"md5": hashlib.md5(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
            packages[package.name] = index | digests | {"size": len(data)}
        content = {"info": {"subdir": platform_folder}, "packages": packages, "packages.conda": {}}
        (folder / "repodata.json").write_text(json.dumps(content | {"removed": [], "repodata_version": 1}))
