"""Whatever is written into the config: a study, or errors of one line each."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from properties import FEW
from visualzero.config import Study, load_study, read_study
from visualzero.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
RAW = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
KEYS = ("steps", "train", "kind", "path", "arms", "base", "seeds", "terms", "n", "lora", "", "é", "a/b", "__class__")
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**20),
    st.floats(),
    st.sampled_from(["1e-6", "all", "local", "toyspace", "demo", "base", "float32", "\ud800", "\0"]),
    st.text(max_size=6),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.integers(0, 3)), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(config: Any) -> list[list[Any]]:
    """Every place in the config, as keys and indexes from the top."""
    pairs = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    return [[key, *rest] for key, value in pairs for rest in [[], *places(value)]]


def put(config: Any, place: list[Any], value: Any) -> None:
    for key in place[:-1]:
        config = config[key]
    config[place[-1]] = value


def is_study_or_told(load: Any) -> None:
    try:
        assert isinstance(load(), Study)
    except UserError as error:
        told = str(error).split("\n")
    else:
        told = []
    assert all(line.strip() for line in told)


@FEW
@given(st.sampled_from(places(RAW)), values)
def test_any_value_at_any_place_is_a_study_or_an_error(place: list[Any], value: Any) -> None:
    config = deepcopy(RAW)
    put(config, place, value)
    is_study_or_told(lambda: load_study(config, ROOT))


@FEW
@given(st.dictionaries(st.one_of(st.sampled_from([*RAW, *KEYS]), st.text(max_size=4)), values, max_size=4))
def test_any_mapping_is_a_study_or_an_error(config: dict[str, Any]) -> None:
    is_study_or_told(lambda: load_study(config, ROOT))


@FEW
@given(
    st.sampled_from(["grpo.steps", "data.benchmarks.x", "arms.base", "seeds", "scale", "a..b", "", "grpo.lora.r"]),
    st.one_of(st.text(max_size=12), st.sampled_from(["{a: ", "&a [*a]", "!!python/object:x.y {}", "1e5", "[[["])),
)
def test_any_option_is_a_study_or_an_error(key: str, value: str) -> None:
    is_study_or_told(lambda: read_study(ROOT / "config/config.yaml", [f"{key}={value}"]))
