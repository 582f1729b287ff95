"""The JSON schema of the config, generated from its types (``config/schema/study.schema.json``)."""

import json
from pathlib import Path
from typing import Any

from visualzero.config.study import Study


def study_schema() -> dict[str, Any]:
    """Return the JSON schema of a study: the config as it is after its scale has been merged in."""
    return Study.model_json_schema()


def write_schema(path: Path) -> None:
    """Write the schema to `path` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(study_schema(), indent=2) + "\n", encoding="utf-8")
