"""The option that a response chooses: the one parser behind the accuracy reward and the `strict` scorer.

What is read is the text that answers: `sections.py`. How it is read is in `rules.py`, what announces, rejects or hedges
an option in `phrases.py`, what is said of which option in `roles.py`, what an option looks like in `options.py`.
"""

import re
from collections.abc import Sequence

from visualzero.evaluation.reading.options import options_of
from visualzero.evaluation.reading.parsed import Parsed
from visualzero.evaluation.reading.rules import read
from visualzero.evaluation.reading.sections import sections

_FORMAT = re.compile(r"<think>(.*)</think>\s*<answer>(.*)</answer>", re.DOTALL)
LONGEST = 16_000  # characters that are read, from the end: some four thousand tokens


def parse_answer(response: str, choices: Sequence[str]) -> Parsed:
    """The choice that `response` makes among `choices` (2 to 26 option texts)."""
    options = options_of(tuple(choices))
    return read(answer_text(response)[-LONGEST:], options)


def answer_text(response: str) -> str:
    """The part of a response that answers."""
    return sections(response).answer


def is_formatted(text: str) -> bool:
    """Whether a completion is `<think>` thought `</think>` `<answer>` answer `</answer>` and nothing else.

    Each tag occurs once, thought and answer are not blank; blanks may stand between the parts and around them.
    """
    text = text.strip()
    if any(text.count(tag) != 1 for tag in ("<think>", "</think>", "<answer>", "</answer>")):
        return False
    match = _FORMAT.fullmatch(text)
    return match is not None and bool(match[1].strip()) and bool(match[2].strip())
