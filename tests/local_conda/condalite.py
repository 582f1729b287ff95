"""The `conda` commands that Snakemake 9 calls, on py-rattler: a real solver and linker, for machines without a channel.

    conda --version | info --json | config --get channel_priority --json | clean ...
    conda env create [--quiet] [--no-default-packages] --file F.yaml --prefix P
    conda create --file PIN.txt --prefix P        (explicit lists)

Channels are read as conda reads them: a bare name is appended to $CONDA_CHANNEL_ALIAS. Packages go through a cache
($CONDA_PKGS_DIRS) and are hard-linked.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import rattler
import yaml

VERSION = "24.9.2"  # whose interface this is
ROOT = Path(__file__).resolve().parent


def channel_url(channel: str) -> str:
    if "://" in channel:
        return channel.rstrip("/")
    return f"{os.environ['CONDA_CHANNEL_ALIAS'].rstrip('/')}/{channel}"


async def solve_and_link(specs: list[str], channels: list[str], prefix: Path) -> None:
    wanted = [rattler.MatchSpec(spec) for spec in specs]
    records = await rattler.solve(channels, wanted, virtual_packages=rattler.VirtualPackage.detect())
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "conda-meta" / "history").touch()
    await rattler.install(records, prefix, cache_dir=Path(os.environ["CONDA_PKGS_DIRS"]), show_progress=False)


def create(specs: list[str], channels: list[str], prefix: Path) -> None:
    if prefix.exists() and any(prefix.iterdir()):
        sys.exit(f"CondaValueError: prefix already exists: {prefix}")
    try:
        asyncio.run(solve_and_link(specs, [channel_url(c) for c in channels if c != "nodefaults"], prefix))
    except Exception as error:
        sys.exit(f"PackagesNotFoundError: {error}")


def create_from_yaml(file: Path, prefix: Path) -> None:
    spec = yaml.safe_load(file.read_text())
    create(spec["dependencies"], spec["channels"], prefix)


def create_from_list(file: Path, prefix: Path) -> None:
    specs, channels = [], []
    for line in file.read_text().splitlines():
        if line.startswith(("http", "file")):
            channel, _, package = line.partition("#")[0].rsplit("/", 2)
            name, version, build = package.removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
            specs.append(f"{name}=={version}={build}")
            channels.append(channel)
    create(specs, list(dict.fromkeys(channels)), prefix)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--version"]:
        return print(f"conda {VERSION}")
    if arguments[:1] == ["info"]:
        facts = {"conda_prefix": str(ROOT), "root_prefix": str(ROOT), "platform": "linux-64", "conda_version": VERSION}
        return print(json.dumps(facts))
    if arguments[:1] == ["config"]:
        return print(json.dumps({"get": {"channel_priority": "strict"}, "success": True}))
    if arguments[:1] == ["clean"]:
        return None
    parser = argparse.ArgumentParser(prog="conda")
    parser.add_argument("words", nargs="+")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--prefix", type=Path, required=True)
    for flag in ("--quiet", "--yes", "--no-default-packages", "--no-shortcuts"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args(arguments)
    make = create_from_yaml if options.words[0] == "env" else create_from_list
    return make(options.file, options.prefix.absolute())


if __name__ == "__main__":
    code = 0
    try:
        main(sys.argv[1:])
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        code = 1 if isinstance(stop.code, str) else stop.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # py-rattler 0.28 now and then crashes while the interpreter shuts down, when all work is done
