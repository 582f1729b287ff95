"""Reading YAML with errors that fit in a line and name the line."""

from pathlib import Path
from typing import Any

import yaml

from visualzero.errors import UserError


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is not built everywhere
    """A safe loader that refuses a key given twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = (key_node.tag, key_node.value) if isinstance(key_node, yaml.ScalarNode) else id(key_node)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key_node.value!r} is given twice; keep one", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def read_yaml(path: Path, name: str) -> dict[str, Any]:
    """Return the mapping in the YAML file `path`, which errors call `name`; raise `UserError` if there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{name}: no such file; create it or check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{name}: can't be read: {error}") from None
    content = parse_yaml(text, name)
    if not isinstance(content, dict):
        raise UserError(f"{name}:1: must be a mapping of keys to values, not {content!r:.40}")
    return content


def parse_yaml(text: str, name: str) -> Any:
    """Return the value of a YAML text, which errors call `name`; raise `UserError` with the line if it is not YAML."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{name}{line}: invalid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{name}: invalid YAML: {' '.join(str(error).split())}") from None
