"""The SLURM profile as the doctor needs it: the block that its user edits, and what the workflow makes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from visualzero.errors import UserError

UNEDITED = "CHANGEME"


@dataclass(frozen=True)
class Profile:
    """A profile's file, its block (`__variables__`) and everything, with the block's values filled in."""

    file: Path
    block: dict[str, Any]
    content: dict[str, Any]

    @property
    def partitions(self) -> set[str]:
        """All partitions that jobs are sent to."""
        rules = [self.content.get("default-resources", {}), *self.content.get("set-resources", {}).values()]
        return {str(rule["slurm_partition"]) for rule in rules if rule.get("slurm_partition")}

    @property
    def account(self) -> str:
        """The account, or nothing."""
        return str(self.content.get("default-resources", {}).get("slurm_account", ""))

    @property
    def conda(self) -> bool:
        """Whether rules run in conda environments."""
        return "conda" in str(self.content.get("software-deployment-method", ""))


def read_profile(folder: Path) -> Profile:
    """Read a profile's folder.

    Raises:
        UserError: if there is none, or it is not YAML.
    """
    import yte

    for name in ("profile.v9+.yaml", "config.v9+.yaml", "profile.yaml", "config.yaml"):
        file = folder / name
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            try:
                content = yte.process_yaml(text, require_use_yte=True)
                block = (yaml.safe_load(text) or {}).get("__variables__", {})
            except Exception as error:  # yte raises whatever an expression does
                raise UserError(f"{file}: {' '.join(str(error).split())}: correct it") from None
            return Profile(file, block, content or {})
    raise UserError(f"{folder}: no profile there: run in the repository's root, or give --profile FOLDER")
