"""The paper's scorer: the verdict of VisualThinker-R1-Zero's CV-Bench script, quirks included.

Source: turningpoint-ai/VisualThinker-R1-Zero at cd71978, src/eval/evaluate_Qwen2_VL_CVBench.py (and the `-base` one),
with math-verify 0.5.2.

Rule: the text of the first `<answer>` that opens and closes in one line, else the whole response, goes to math-verify,
which looks for letters, option texts, numbers and LaTeX. The response is right if what is found is the right option's
text (or that in lower case) or its letter, with or without parentheses.

Quirks: several answers count by the first, an answer of two lines is not seen, and without one the thought is read too.
A letter at the start beats everything, and the article "a" is one; else the option named last wins ("the desk is closer
than the chair": chair). "Left" is not "left", "three" not 3; "A)" and "the car!" are nothing. An option that is called
like another's letter is right under both names, so more than one option may be accepted.
"""

import re
from collections.abc import Sequence
from string import ascii_uppercase

from visualzero.evaluation.reading.rules import NOTHING, Parsed
from visualzero.evaluation.reading.scorers._math_verify import strings_found

_TAG = re.compile(r"<answer>\s*(.*?)\s*</answer>")
_STRINGS = (*"ABCDEF", *"abcdef", *(f"({letter})" for letter in "abcdefABCDEF"))


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The options that the official script would accept if they were the right one."""
    tag = _TAG.search(response)
    text = (tag and tag[1]) or response
    found = {string.strip() for string in strings_found(text, (*_STRINGS, *choices))}
    accepted = [index for index, choice in enumerate(choices) if found & _gold(ascii_uppercase[index], choice)]
    return Parsed(accepted[0], "parsed", frozenset(accepted)) if accepted else NOTHING


def _gold(letter: str, choice: str) -> set[str]:
    """What a found string has to equal."""
    names = (choice.lower(), choice, letter, letter.lower(), f"({letter.lower()})", f"({letter})")
    return {name.strip() for name in names} - {""}
