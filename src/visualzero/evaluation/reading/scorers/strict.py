"""The study's own scorer: a response counts only if it chooses exactly one option.

The same parser gives the accuracy reward, so training and evaluation agree on what an answer is. It never guesses: an
ambiguous, conflicting or missing answer is wrong, and the summary's parse rate says how many there are.
"""

from collections.abc import Sequence

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reading.parsed import Parsed


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The option that a response, from its opening tag on, chooses."""
    return parse_answer(response, choices)
