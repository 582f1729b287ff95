"""The page's script and what it reads, and the policy that lets a browser run this script and fetch nothing."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from visualzero.report.tables import Arm

# One after another they make the page's script.
FILES = (
    "dom",
    "arms",
    "forest",
    "chart",
    "compare",
    "filters",
    "response",
    "steps",
    "browser",
    "page",
)


def script() -> str:
    """All of the page's script files as one module."""
    return "\n".join((Path(__file__).parent / f"{name}.js").read_text(encoding="utf-8") for name in FILES)


def policy(script: str, style: str) -> str:
    """The content security policy of a page with this one script and this one style sheet."""
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; img-src data:;"
        " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def still_policy(style: str) -> str:
    """The policy of a page without any script."""
    return f"default-src 'none'; style-src {_source(style)}; img-src data:; base-uri 'none'; form-action 'none'"


def embedded(content: Any) -> Markup:
    """Content as JSON that stands in a script element and can't end it."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def arm_facts(place: int, arm: Arm) -> dict[str, Any]:
    """How the script shows an arm: after eight arms colors begin again, with another kind of line."""
    return {"title": arm.title, "color": arm.color, "dash": place // 8 % 4}


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
