"""Real data for tests, which may lie beside the checkout; where it doesn't, the test is skipped with the reason."""

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def real(name: str) -> Path:
    """The path of a real file or folder."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"real data not here: {path}")
    return path


def real_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a real JSONL file."""
    return [json.loads(line) for line in real(name).read_text(encoding="utf-8").split("\n") if line.strip()]


def write_nlvr(folder: Path, n: int | None = None) -> tuple[Path, Path]:
    """NLVR statements (CC-BY-4.0) as a local table in `folder`; returns the table and its folder of images."""
    rows = [
        {
            "id": row["id"],
            "image": row["image"],
            "question": f'Does the statement "{row["sentence"]}" describe the image?',
            "choices": ["true", "false"],
            "answer": row["label"],
            "task": "Statement",
        }
        for row in real_rows("nlvr/nlvr.jsonl")[:n]
    ]
    table = folder / "nlvr.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return table, real("nlvr")
