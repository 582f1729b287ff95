"""The pins agree: the conda envs and pyproject.toml with requirements.lock."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
LOCK = dict(
    line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")
)
OF_VLLM = {"vllm", "torchvision", "numpy"}  # vLLM isn't in the lock, and asks for these versions
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pip_pins(env: Path) -> list[str]:
    """The lines that a conda env hands to pip."""
    dependencies = yaml.safe_load(env.read_text())["dependencies"]
    return [pin for entry in dependencies if isinstance(entry, dict) for pin in entry["pip"]]


def test_there_is_an_env_for_each_family_of_stages() -> None:
    assert {env.stem for env in ENVS} == {"data", "evaluate", "report", "train", "train-vllm"}


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.stem)
def test_an_env_pins_what_the_lock_pins(env: Path) -> None:
    pins = pip_pins(env)
    assert pins == sorted(pins)
    for pin in pins:
        name, _, version = pin.partition("==")
        if env.stem == "train-vllm" and name in OF_VLLM:
            continue
        assert LOCK.get(name) == version, f"{env.name}: {pin}: the lock has {LOCK.get(name)}"


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env.stem)
def test_an_env_takes_conda_packages_from_conda_forge_only(env: Path) -> None:
    content = yaml.safe_load(env.read_text())
    assert content["channels"] == ["conda-forge", "nodefaults"]
    assert content["dependencies"][:2] == ["python=3.11", "pip"]


def test_the_lock_satisfies_the_project() -> None:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(LOCK[requirement.name]), f"{requirement}: run scripts/lock"


def test_every_env_package_is_a_dependency_of_the_project() -> None:
    direct = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert {pin.partition("==")[0] for env in ENVS for pin in pip_pins(env)} <= direct | OF_VLLM


def test_the_env_of_vllm_holds_that_of_training() -> None:
    train, vllm = (set(pip_pins(ROOT / f"envs/{name}.yaml")) for name in ("train", "train-vllm"))
    assert {pin.partition("==")[0] for pin in train ^ vllm} == OF_VLLM


def test_the_lock_is_tied_to_no_machine() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert text.startswith("# Made by scripts/lock from pyproject.toml")
    assert not re.search(r"\+|://|/|nvidia|cuda|triton", text.partition("\n")[2])
