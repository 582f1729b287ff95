"""Reading a study: ``config/config.yaml`` over ``config/scale/<scale>.yaml``, checked as a whole."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from visualzero.config.checks import Keys, Problem, cross_checks
from visualzero.config.merging import assign, merge
from visualzero.config.naming import unknown
from visualzero.config.problems import depth, validation_problems
from visualzero.config.reading import parse_yaml, read_yaml
from visualzero.config.running import run_checks
from visualzero.config.schema import study_schema
from visualzero.config.selection import named, said
from visualzero.config.study import Study
from visualzero.errors import UserError

CONFIG = "config/config.yaml"
SECTIONS = ("data", "models", "sft", "grpo", "evaluate")
"""What a scale may say, beside `like`: another scale, over which it is laid. The arms are the same at every scale."""
Override = tuple[list[str], Any]


def load_study(raw: Mapping[str, Any], root: Path) -> Study:
    """Return the study that `raw` describes.

    Args:
        raw: the parsed ``config/config.yaml``; its ``data``, ``models``, ``sft``, ``grpo`` and ``evaluate`` are laid
            over those of its scale.
        root: the root of the repository, which holds ``config/scale/<scale>.yaml``.

    Raises:
        UserError: with a line ``file: key.path: what is wrong`` for each mistake.
    """
    return _load(dict(raw), root, CONFIG, [])


def read_study(path: Path, overrides: Iterable[str] = ()) -> Study:
    """Return the study of the config file `path`, ``<root>/config/<any>.yaml``.

    `overrides` are ``a.b=VALUE``, VALUE being YAML; each is laid over the config and its scale, in turn.
    """
    root = path.resolve().parent.parent
    name = f"{path.resolve().parent.name}/{path.name}"
    return _load(read_yaml(path, name), root, name, [_override(text) for text in overrides])


def overrides_of(given: Mapping[str, Any]) -> list[str]:
    """KEY=VALUE for `read_study` (and ``--set``), from what Snakemake was given with --config and --configfile.

    Snakemake leaves numbers, truth values and null inside ``--config 'grpo={steps: 2}'`` as text: they are read here.
    """
    return [f"{key}={json.dumps(_typed(value))}" for key, value in given.items()]


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_typed(inner) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    try:
        said = parse_yaml(value, "--config")
    except UserError:
        return value
    return said if said is None or isinstance(said, bool | int | float) else value  # a title may hold a colon


def _load(raw: dict[str, Any], root: Path, name: str, overrides: list[Override]) -> Study:
    own = raw
    for path, value in overrides:
        if path == ["scale"]:
            own = {**own, "scale": value}
    file = _scale_file(own.get("scale"), root, "--set" if own is not raw else name)
    scale_name = file.relative_to(root).as_posix()
    scale, like = _read_scale(file, scale_name, root)
    problems: list[tuple[str, Keys, str]]
    problems = [(scale_name, (key,), unknown("key", key, SECTIONS)) for key in scale if key not in SECTIONS]
    config: dict[str, Any] = merge({key: scale[key] for key in scale if key in SECTIONS}, own)
    for path, value in overrides:
        config = assign(config, path, value)
    config["run"] = said(config, file.stem, like)

    found = list(cross_checks(config))
    config["run"] = named(config["run"], config)
    found += run_checks(config)
    try:
        study = Study.model_validate(config)
        found += _changed_keys(study, config)
    except ValidationError as error:
        found += validation_problems(error, config, study_schema())
    problems += [(_origin(keys, raw, scale, name, scale_name, overrides), keys, text) for keys, text in found]
    if problems:
        lines = [f"{origin}: {'.'.join(map(str, keys))}: {text}" for origin, keys, text in problems]
        raise UserError("\n".join(dict.fromkeys(lines)))
    return only(study, study.run)


def _changed_keys(study: Study, config: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the keys of sft, grpo and evaluate that single arms change."""
    for name, arm in study.arms.items():
        for section in (key for key in ("sft", "grpo", "evaluate") if getattr(arm, key)):
            changed = {**config, section: merge(config[section], getattr(arm, section))}
            try:
                Study.model_validate(changed)
            except ValidationError as error:
                for keys, text in validation_problems(error, changed, study_schema()):
                    yield ("arms", name, *keys), text


def only(study: Study, arms: list[str]) -> Study:
    """Return the study of these arms alone, with their sets and controls and the comparisons between them."""
    sets = {name: [arm for arm in listed if arm in arms] for name, listed in study.sets.items()}
    controls = {control: [name for name in asked if name in arms] for control, asked in study.controls}
    return study.model_copy(
        update={
            "run": [name for name in study.arms if name in arms],
            "arms": {name: arm for name, arm in study.arms.items() if name in arms},
            "sets": {name: listed for name, listed in sets.items() if listed},
            "comparisons": [pair for pair in study.comparisons if pair.a in arms and pair.b in arms],
            "controls": study.controls.model_copy(update=controls),
        }
    )


def _origin(
    keys: Keys, raw: dict[str, Any], scale: dict[str, Any], name: str, scale_name: str, overrides: list[Override]
) -> str:
    """Return the option or file that the value at `keys` came from, or where a missing one belongs."""
    texts = [str(key) for key in keys]
    if any(texts[: len(path)] == path[: len(texts)] for path, _ in overrides):
        return "--set"
    in_raw, in_scale = depth(keys, raw), depth(keys, scale)
    if in_raw == in_scale == 0:
        return scale_name if keys[0] in SECTIONS else name
    return name if in_raw >= in_scale else scale_name


def _scale_file(scale: object, root: Path, name: str) -> Path:
    found = (root / "config" / "scale").glob("*.yaml")
    files = {file.stem: file for file in sorted(found, key=lambda file: file.stem)}
    if not isinstance(scale, str) or scale not in files:
        raise UserError(f"{name}: scale: {unknown('scale', scale, files)}")
    return files[scale]


def _read_scale(file: Path, name: str, root: Path) -> tuple[dict[str, Any], str | None]:
    """What a scale says, laid over the scale that it is `like`, and that one's name if there is one."""
    own = read_yaml(file, name)
    if "like" not in own:
        return own, None
    like = own.pop("like")
    under = _scale_file(like, root, f"{name}: like")
    return merge(read_yaml(under, under.relative_to(root).as_posix()), own), like


def _override(text: str) -> Override:
    key, equals, value = text.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise UserError(f"--set {text}: is not KEY=VALUE; write for example --set grpo.steps=10")
    return path, parse_yaml(value, f"--set {text}")
