"""lmms-eval's scorer of `cv_bench`: the first character, if it is a letter.

Source: EvolvingLMMs-Lab/lmms-eval at 75571cf, lmms_eval/tasks/cv_bench/utils.py, `_extract_answer_letter`, after what
its harness does to every response by default: lmms_eval/api/reasoning.py, `strip_reasoning_tags` with `<think>`.

Rule: without its closed `<think>` parts and after blanks and opening parentheses, the first character of the completion
if it is a letter, in either case.

Quirks: whatever word comes first is read by its initial ("Based on" is B, "There are" is T, so nothing), and an answer
in tags begins with "<", so it is nothing. A thought that the prompt has opened is not known for one.
"""

import re
from collections.abc import Sequence

from visualzero.evaluation.reading.parsed import NOTHING, Parsed, letter_choice

_FIRST = re.compile(r"[(\s]*([A-Z])", re.IGNORECASE)
_OPEN, _CLOSE = "<think>", "</think>"


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The option whose letter a completion begins with."""
    match = _FIRST.match(_stripped(response))
    return letter_choice(match[1].upper(), choices) if match else NOTHING


def _stripped(response: str) -> str:
    """A completion without what stands in `<think>...</think>`."""
    kept, position = [], 0
    while (start := response.find(_OPEN, position)) >= 0 and (end := response.find(_CLOSE, start)) >= 0:
        kept.append(response[position:start])
        position = end + len(_CLOSE)
    return "".join((*kept, response[position:])).strip()
