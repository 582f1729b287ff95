"""What every row of a Question table is checked for before it is written, whatever its source.

A check can refuse a table, it can't change one: so no fingerprint holds this module.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from visualzero.data.image import ImageError, decode
from visualzero.errors import UserError
from visualzero.evaluation.reading.alike import same_to_the_reader
from visualzero.prompts.special_tokens import special_tokens_in


def checked(rows: Iterable[dict[str, Any]], key: str) -> Iterator[dict[str, Any]]:
    """The rows as they are, each looked at before it is handed on; `key` names the source in the config.

    Raises:
        UserError: with the first row that can't be used, the cause and the fix.
    """
    sound: set[bytes] = set()  # digests of images, so that one that several questions share is decoded once
    for row in rows:
        problem = text_problem(row["question"], row["choices"])
        content = row["image"]["bytes"]
        digest = hashlib.sha256(content or b"").digest()
        if problem is None and digest not in sound:
            problem = image_problem(content, "its image")
            sound.add(digest)
        if problem:
            raise UserError(f"{key}: question {row['id']}: {problem}")
        yield row


def text_problem(question: str, choices: Sequence[str]) -> str | None:
    """Why a question can't be asked in these words, and the fix; None if it can."""
    for name, text in [("question", question), *((f"choice '{choice}'", choice) for choice in choices)]:
        if found := special_tokens_in(text):
            return f"{name} holds {found[0]}, which a model reads as a token of its own: take it out"
    if pairs := same_to_the_reader(choices):
        one, other = pairs[0]
        return f"choices '{choices[one]}' and '{choices[other]}' read the same: make them different"
    return None


def image_problem(content: bytes | None, name: str) -> str | None:
    """Why the image called `name` can't be used, and the fix; None if it can."""
    try:
        decode(content)
    except ImageError as problem:
        return f"{name} can't be used {problem}"
    return None
