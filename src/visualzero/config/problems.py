"""Config mistakes as lines for the user: ``file: key.path: what is wrong and what would be right``."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from visualzero.config.checks import Keys, Problem
from visualzero.config.naming import unknown


def validation_problems(error: ValidationError, config: dict[str, Any], schema: dict[str, Any]) -> Iterator[Problem]:
    """Yield where and what for each mistake that pydantic found in `config`, whose JSON schema is `schema`."""
    for item in error.errors(include_url=False):
        path = _keys(item["loc"], config)
        yield path, _message(item, _properties(path[:-1], config, schema), path[-1])


def depth(path: Keys, config: Any) -> int:
    """Return how many keys of `path`, from the first on, stand in `config`."""
    for count, key in enumerate(path):
        if not _has(config, key):
            return count
        config = config[key]
    return len(path)


def _message(item: ErrorDetails, known: dict[str, Any], key: str | int) -> str:
    """Put one of pydantic's errors in our words; `known` holds the schema of each key that may stand beside `key`."""
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown("key", key, known)
    if kind == "missing":
        about = known.get(str(key), {}).get("description", "")
        return f"missing; add it ({about.rstrip('.')})" if about else "missing; add it"
    if kind in ("literal_error", "enum"):
        return unknown("value", value, _choices(context["expected"]))
    if kind == "union_tag_invalid":
        return unknown("kind", context["tag"], _choices(context["expected_tags"]))
    if kind == "union_tag_not_found":
        return "missing its kind; add one (toyspace, local, sat, cvbench, blink, vsr, dataset, mixture)"
    if kind == "too_short":
        return f"must have at least {context['min_length']} entry, not {_shown(value)}"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entry, not {_shown(value)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch" and context["pattern"].endswith("{64}$"):
        return f"{_shown(value)} is not a sha256; write its 64 digits in lower case"
    if kind == "string_pattern_mismatch":
        return f"{value!r} is not a name; use letters, digits, - and _"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be a mapping of keys to values, not {_shown(value)}"
    return f"{item['msg'].replace('Input should', 'must')}, not {_shown(value)}"


def _shown(value: Any) -> str:
    """Return a value as it may stand in a line, cut if it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _choices(expected: str) -> list[str]:
    """Split pydantic's ``'a', 'b' or 'c'``."""
    return [part for part in expected.split("'")[1::2] if part]


def _keys(loc: Keys, config: Any) -> Keys:
    """Return the keys of the config in one of pydantic's locations, which also name the kind of a source."""
    keys: list[str | int] = []
    for part in loc:
        if part == "[key]":
            continue
        if isinstance(config, dict) and part not in config and config.get("kind") == part:
            continue
        keys.append(part)
        config = _step(config, part)
    return tuple(keys)


def _has(config: Any, key: str | int) -> bool:
    if isinstance(config, dict):
        return key in config
    return isinstance(config, list) and isinstance(key, int) and key < len(config)


def _step(config: Any, key: str | int) -> Any:
    """Go one key down, or to None where there is nothing."""
    return config[key] if _has(config, key) else None


def _properties(path: Keys, config: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of each key that the mapping at `path` may have."""
    node, definitions = schema, schema["$defs"]
    for key in path:
        properties = node.get("properties", {})
        entries = next(iter(node.get("patternProperties", {}).values()), None)
        node = properties.get(key) or entries or node.get("additionalProperties") or node.get("items") or {}
        config = _step(config, key)
        node = next((one for one in node.get("anyOf", ()) if "$ref" in one), node)
        if "discriminator" in node and isinstance(config, dict):
            node = {"$ref": node["discriminator"]["mapping"].get(config.get("kind"), "")}
        node = next((one for one in node.get("anyOf", ()) if "$ref" in one), node)  # a section, or null
        if "$ref" in node:
            node = definitions.get(node["$ref"].rpartition("/")[2], {})
    return dict(node.get("properties", {}))
