"""Laying one config over another: ``config.yaml`` over its scale, ``--set`` over both."""

from typing import Any

from visualzero.errors import UserError

PLACE = {"path", "repo"}
BENCHMARKS = ("data", "benchmarks")


def merge(under: Any, over: Any, at: tuple[str, ...] = ()) -> Any:
    """Return `over` laid over `under` (neither is changed); mappings are merged key by key, all else is replaced.

    Three things are replaced as a whole, since a mixture of two would be neither:

    - a source, or a benchmark with a source, of another ``kind``;
    - the *set* of ``data.benchmarks``: only those that `over` names remain (each may still take its keys from `under`);
    - the place of a model or data set: another ``path`` or ``repo`` drops the old ``revision`` and ``sha256`` too, and
      of ``kind: dataset`` every key, since they say what the old one's files hold.
    """
    if not isinstance(under, dict) or not isinstance(over, dict) or _of_other_kind(under, over):
        return over
    if under.get("kind") == "dataset" and any(under.get(key) != over[key] for key in PLACE & over.keys()):
        return {"kind": "dataset", **over}
    dropped = {*PLACE, "revision", "sha256"} if PLACE & over.keys() else set()
    kept = {} if at == BENCHMARKS else {key: value for key, value in under.items() if key not in dropped}
    return {**kept, **{key: merge(under.get(key), value, (*at, str(key))) for key, value in over.items()}}


def assign(config: dict[str, Any], path: list[str], value: Any, at: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return `config` with `value` laid over what stands at `path` (as ``--set a.b=VALUE`` does)."""
    key, *rest = path
    inner = config.get(key)
    if not rest:
        return {**config, key: merge(inner, value, (*at, key))}
    if inner is not None and not isinstance(inner, dict):
        raise UserError(f"--set {'.'.join((*at, *path))}: {'.'.join((*at, key))} is not a mapping; set it as a whole")
    return {**config, key: assign(inner or {}, rest, value, (*at, key))}


def _of_other_kind(under: dict[Any, Any], over: dict[Any, Any]) -> bool:
    """Whether two sources, or the sources of two benchmarks, differ in kind."""
    if isinstance(under.get("source"), dict) and isinstance(over.get("source"), dict):
        return _of_other_kind(under["source"], over["source"])
    return "kind" in under and over.get("kind", under["kind"]) != under["kind"]
