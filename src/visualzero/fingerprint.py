"""Fingerprints: digests of exactly what can change an output.

No time, path of the machine or git revision takes part, nor do comments and docstrings of code.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from visualzero.errors import UserError
from visualzero.source_code import code_of, imports_of

PACKAGE = Path(__file__).parent
SHARED = "groupshare"  # a package of its own, whose code is part of the outputs that it makes just as this one's
DIGITS = 16

# Never part of a closure: settings are in the digest by value, and the others say things, name files, fetch files whose
# content is checked, refuse rows of a table, models or runs, or save, check, lock, hand over and show a training, from
# which it goes on to the same bytes.
NEUTRAL = (
    *("config", "data.checks", "downloads", "errors", "hub", "layout", "manifest", "processes", "progress"),
    *("models.adapters", "models.soundness", "training.alarms", "training.health", "training.inputs"),
    *("training.checkpoints", "training.digests", "training.lease", "training.live", "training.pace"),
    *("training.publishing", "training.recording", "training.sealing", "training.slurm_job"),
    "training.trackers",
)


Parts = dict[str, str]
"""What an output is made from: values and digests by label (`setting recipe.steps`, `code training/grpo.py`)."""


def fingerprint(settings: Mapping[str, Any], modules: Iterable[str], files: Iterable[Path] = ()) -> str:
    """Sixteen hex digits of `parts` of the same arguments."""
    return digest(parts(settings, modules, files))


def parts(settings: Mapping[str, Any], modules: Iterable[str], files: Iterable[Path] = ()) -> Parts:
    """Settings (JSON values) by their keys, and digests of modules with everything they import here, and of files.

    `modules` are dotted names inside this package, such as `training.sft`. Files are named by their path in the
    package where they lie in it, else by their folder and name (`groupshare/attention.py`).
    """
    code = {path for module in modules for path in closure(module)} | set(files)
    found = {f"setting {key}": json.dumps(value, sort_keys=True) for key, value in _flat(settings)}
    return found | {f"code {_name(path)}": _content(path) for path in code}


def digest(parts: Mapping[str, Any]) -> str:
    """Sixteen hex digits of what an output is made from."""
    return text_digest(json.dumps(parts, sort_keys=True))


def text_digest(text: str) -> str:
    """Sixteen hex digits of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys down to the last mapping, so that a change can be told by its key; an empty mapping is a value."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@lru_cache
def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else f"{path.parent.name}/{path.name}"


@lru_cache
def closure(module: str) -> frozenset[Path]:
    """Files of this package and of SHARED that importing `module` can run, itself included, but for NEUTRAL ones."""
    found: set[Path] = set()
    waiting = [_file(f"{PACKAGE.name}.{module}")]
    while waiting:
        path = waiting.pop()
        if path is None or path in found:
            continue
        found.add(path)
        waiting += [_file(name) for name in _imports(path)]
    return frozenset(found)


@lru_cache
def _content(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return text_digest(code_of(text) if path.suffix == ".py" else text)


@lru_cache
def _imports(path: Path) -> tuple[str, ...]:
    """Dotted names inside this package and SHARED that a file imports, at any depth of it; one may be no module."""
    names = imports_of(path.read_text(encoding="utf-8"))
    neutral = tuple(f"{PACKAGE.name}.{module}." for module in NEUTRAL)
    inside = [name for name in names if name.startswith(f"{PACKAGE.name}.") or f"{name}.".startswith(f"{SHARED}.")]
    return tuple(name for name in inside if not f"{name}.".startswith(neutral))


@lru_cache
def _file(module: str) -> Path | None:
    package, *names = module.split(".")
    path = (PACKAGE if package == PACKAGE.name else _shared()).joinpath(*names)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _shared() -> Path:
    """The folder of SHARED: beside this package, in a tree as where both were installed; else wherever it is found."""
    beside = PACKAGE.with_name(SHARED)
    if beside.is_dir():
        return beside
    spec = find_spec(SHARED)
    if spec is None or spec.origin is None:
        raise UserError(f"{SHARED}: not found: install it with make env, or its wheel beside visualzero's")
    return Path(spec.origin).parent
