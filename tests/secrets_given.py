"""Secrets that people have in their environment, and where a run could have left them."""

from pathlib import Path

SECRETS = {"HF_TOKEN": "hf_ThisIsASecretOfNobody", "WANDB_API_KEY": "0123secret4567secret89ab"}


def files_with_a_secret(folder: Path) -> list[str]:
    """Files below a folder, hidden ones too, that hold one of them."""
    needles = [value.encode() for value in SECRETS.values()]
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]
