"""lmms-eval's scorer of `cv_bench`: the first character, if it is a letter.

Source: EvolvingLMMs-Lab/lmms-eval at 75571cf, lmms_eval/tasks/cv_bench/utils.py, `_extract_answer_letter`.

Rule: after blanks and opening parentheses, the first character of the completion if it is a letter, in either case.

Quirks: whatever word comes first is read by its initial ("Based on" is B, "There are" is T, so nothing), and a response
in tags begins with "<", so it is nothing.
"""

import re
from collections.abc import Sequence

from visualzero.evaluation.reading.rules import NOTHING, Parsed, letter_choice

_FIRST = re.compile(r"[(\s]*([A-Z])", re.IGNORECASE)


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The option whose letter a completion begins with."""
    match = _FIRST.match(response.strip())
    return letter_choice(match[1].upper(), choices) if match else NOTHING
