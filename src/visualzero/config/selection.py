"""Which arms are run: what `run` says, by arms, by sets of arms, or by scale."""

from typing import Any

ALL = "all"


def said(config: dict[str, Any], scale: str, like: str | None = None) -> Any:
    """Return what `run` says as a list of names: of arms, of sets, or `all`; for `scale`, where it says so by scale.

    For a scale that it doesn't name it is what it says for the one that this is `like`.
    All arms but the extra ones are run where nothing is said. What can't be a list of names is returned as it is, for
    the types to refuse.
    """
    run = config.get("run", ALL)
    if isinstance(run, dict):
        run = run.get(scale, run.get(like, run))
    return [run] if isinstance(run, str) else run


def named(run: Any, config: dict[str, Any]) -> Any:
    """Return the arms that the names of `run` stand for; a name that is neither a set's nor `all` stays."""
    if not isinstance(run, list):
        return run
    return [arm for name in run for arm in _arms(name, config)]


def _arms(name: Any, config: dict[str, Any]) -> list[Any]:
    arms, sets = config.get("arms"), config.get("sets")
    if name == ALL and isinstance(arms, dict):
        return [arm for arm, spec in arms.items() if not (isinstance(spec, dict) and spec.get("extra"))]
    if isinstance(name, str) and isinstance(sets, dict) and isinstance(sets.get(name), list):
        return list(sets[name])
    return [name]
