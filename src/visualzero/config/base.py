"""What every part of the config shares: strict frozen models, the scalar types, and the names that files define."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MODELS = ("base", "instruct")
"""The initial models; an arm starts from one of them or from another arm."""
PACKAGE = Path(__file__).resolve().parents[1]
EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


class Section(BaseModel):
    """A mapping in the config: unknown keys, wrong types, nan and inf are errors; values can't be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _exponent(value: Any) -> Any:
    """YAML 1.1 reads ``1e-6`` (no dot) as text; everyone who writes it means the number."""
    return float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value


def _distinct(values: list[int]) -> list[int]:
    """Refuse a value that is listed twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"listed twice: {', '.join(map(str, twice))}; list each one once")
    return values


Number = Annotated[float, BeforeValidator(_exponent)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""A name that becomes part of a path, such as an arm's or a benchmark's: letters, digits, ``-`` and ``_``."""
Seed = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1), AfterValidator(_distinct)]


def reward_terms() -> list[str]:
    """Names of the reward terms: each is a file of ``src/visualzero/rewards/`` that doesn't start with ``_``."""
    return sorted(file.stem for file in (PACKAGE / "rewards").glob("*.py") if not file.name.startswith("_"))


def prompt_styles() -> list[str]:
    """Names of the prompt styles: each is one ``.jinja`` file in ``src/visualzero/prompts/``."""
    return sorted(file.stem for file in (PACKAGE / "prompts").glob("*.jinja"))
