"""A stand-in for conda and conda-forge: Snakemake makes and uses real environments with it, from a channel on disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from local_conda.channel import make_channel

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def make_conda(folder: Path) -> dict[str, str]:
    """Lay out `conda` and its channel in `folder`; the result is the environment in which to call Snakemake.

    Wheels come through this Python's pip, as configured here, and are installed by uv, which links them.
    """
    programs = folder / "condalite" / "bin"
    programs.mkdir(parents=True)
    shutil.copy(HERE / "condalite.py", folder / "condalite")
    shutil.copy(HERE / "activate", programs)
    command = programs / "conda"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {folder / "condalite" / "condalite.py"} "$@"\n')
    command.chmod(0o755)
    envs = [env for env in sorted((ROOT / "envs").glob("*.yaml")) if env.stem != "train-vllm"]
    make_channel(folder / "channels" / "conda-forge", envs, folder / "wheels")
    download_wheels([env.with_suffix(".post-deploy.sh") for env in envs], folder / "wheels")
    return {
        "PATH": f"{programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CONDA_CHANNEL_ALIAS": (folder / "channels").as_uri(),
        "CONDA_PKGS_DIRS": str(folder / "packages"),
        "VISUALZERO_PIP": "uv",
        "UV_CACHE_DIR": str(folder / "uv"),
        "UV_FIND_LINKS": str(folder / "wheels"),
        "UV_NO_INDEX": "1",
    }


def pins_of(script: Path) -> list[str]:
    """What a post-deploy script installs."""
    return script.read_text().partition("<<'PINS'\n")[2].partition("\nPINS\n")[0].splitlines()


def download_wheels(scripts: list[Path], wheels: Path) -> None:
    """Everything that the scripts pin, as this Python's pip finds it."""
    pins = sorted({pin for script in scripts for pin in pins_of(script)})
    command = [sys.executable, "-m", "pip", "download", "-q", "-d", str(wheels), *pins]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
