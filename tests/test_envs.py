"""The pins agree: the conda envs and pyproject.toml with requirements.lock."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement

from local_conda import pins_of

ROOT = Path(__file__).resolve().parents[1]
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
LOCK = dict(
    line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")
)
VLLM = dict(line.split("==") for line in (ROOT / "envs/train-vllm.lock").read_text().splitlines())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, HOLDS = PYPROJECT["project"], PYPROJECT["tool"]["visualzero"]
SHARED = tomllib.loads((ROOT / "src/groupshare/pyproject.toml").read_text())["project"]


def pins(env: str) -> dict[str, str]:
    """What an environment's post-deploy script installs with pip, by name."""
    return dict(pin.split("==") for pin in pins_of(ROOT / f"envs/{env}.post-deploy.sh"))


def test_there_is_an_env_for_each_family_of_stages() -> None:
    assert {env.stem for env in ENVS} == {"data", "evaluate", "report", "train", "train-vllm"}


def test_the_envs_are_what_the_lock_makes_of_them() -> None:
    done = subprocess.run([sys.executable, "scripts/pins", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("env", sorted(HOLDS["envs"]))
def test_an_env_holds_its_packages_in_the_versions_of_the_lock(env: str) -> None:
    assert set(HOLDS["envs"][env]) <= set(pins(env))
    assert pins(env).items() <= LOCK.items()


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.stem)
def test_an_env_takes_python_and_pip_from_conda_forge_only(env: Path) -> None:
    content = yaml.safe_load(env.read_text())
    assert content["channels"] == ["conda-forge", "nodefaults"]
    specs = {
        spec.name.normalized: str(spec.version).removesuffix(".*")
        for spec in map(rattler.MatchSpec, content["dependencies"])
    }
    assert {name: version.count(".") for name, version in specs.items()} == {"python": 2, "pip": 2}


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.stem)
def test_an_env_holds_no_trees_code_and_none_of_the_users_packages(env: Path) -> None:
    """Trees share environments (`--conda-prefix`), and jobs bring their own tree's code (`workflow/scripts/logged`)."""
    lines = env.with_suffix(".post-deploy.sh").read_text().splitlines()
    commands = [line for line in lines if line.startswith('"${install[@]}"')]
    assert commands == ["\"${install[@]}\" --requirement /dev/stdin <<'PINS'"]
    before = lines[: lines.index(commands[0])]
    assert "unset PYTHONPATH PIP_TARGET PIP_PREFIX" in before
    assert "export PYTHONNOUSERSITE=1 PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0" in before


def test_the_env_of_vllm_holds_that_of_training_but_for_what_vllm_asks_for() -> None:
    assert pins("train-vllm") == VLLM
    assert HOLDS["vllm"].items() <= VLLM.items()
    assert {name for name, version in pins("train").items() if VLLM.get(name) != version} <= set(HOLDS["vllm"])


def test_the_lock_satisfies_the_project() -> None:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"], *SHARED["dependencies"]]
    for requirement in map(Requirement, wanted):
        if requirement.name == SHARED["name"]:  # of this tree
            continue
        assert requirement.specifier.contains(LOCK[requirement.name]), f"{requirement}: run scripts/lock"


def test_every_env_package_is_a_dependency_of_the_project() -> None:
    direct = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert {name for names in HOLDS["envs"].values() for name in names} <= direct


def test_the_lock_is_tied_to_no_machine() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert text.startswith("# Made by scripts/lock from pyproject.toml")
    assert not re.search(r"\+|://|/|nvidia|cuda|triton", text.partition("\n")[2])
