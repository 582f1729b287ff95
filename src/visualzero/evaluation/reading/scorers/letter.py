"""Nothing but a letter: what a benchmark that asks for "the option's letter" wants, taken at its word.

Source: Cambrian's question (cambrian-mllm/cambrian at 539ffc3, eval/eval/omni/omni_eval.py): "Answer with the option's
letter from the given choices directly."

Rule: the text that `strict` reads (the last answer, else all but the thought) is one upper-case letter of the options,
in parentheses or not, with a full stop or not: "C", "(C)", "C.", "C)". Anything else is no answer, so the difference to
`strict` is what a response loses by its form.
"""

import re
from collections.abc import Sequence

from visualzero.evaluation.reading.answer import answer_text
from visualzero.evaluation.reading.parsed import NOTHING, Parsed, letter_choice

_LETTER = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])\)?)\.?\s*")


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The option whose letter is all that the response, from its opening tag on, answers."""
    match = _LETTER.fullmatch(answer_text(response))
    return letter_choice(match[1] or match[2], choices) if match else NOTHING
