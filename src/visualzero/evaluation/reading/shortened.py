"""Options named by a word: "the second or third image" names two. This module imports nothing of the project."""

import re
from collections.abc import Sequence


def variants(keys: Sequence[str]) -> tuple[dict[str, str], re.Pattern[str]]:
    """The word in which options differ that end alike, and what finds such a word before "or the third image"."""
    words = [key.split(" ") for key in keys]
    columns = list(zip(*words, strict=False)) if len({len(one) for one in words}) == 1 else []
    differ = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    if len(differ) != 1 or differ[0] == len(columns) - 1:
        return {}, re.compile("(?!)")
    named = {one[differ[0]]: key for one, key in zip(words, keys, strict=True)}
    either = "|".join(map(re.escape, named))
    return named, re.compile(rf"\b({either})(?:,\s|,?\s(?:and|or|nor)\s)(?:the\s)?$", re.IGNORECASE)
