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

from collections.abc import Sequence
from string import ascii_uppercase

from visualzero.evaluation.reading.parsed import NOTHING, Parsed
from visualzero.evaluation.reading.scorers._math_verify import strings_found

_OPEN, _CLOSE = "<answer>", "</answer>"
_STRINGS = (*"ABCDEF", *"abcdef", *(f"({letter})" for letter in "abcdefABCDEF"))


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The options that the official script would accept if they were the right one."""
    found = {string.strip() for string in strings_found(_tagged(response) or response, (*_STRINGS, *choices))}
    accepted = [index for index, choice in enumerate(choices) if found & _gold(ascii_uppercase[index], choice)]
    return Parsed(accepted[0], "parsed", frozenset(accepted)) if accepted else NOTHING


def _tagged(response: str) -> str:
    r"""What `<answer>\s*(.*?)\s*</answer>` finds first, in one pass: a search for it would begin anew at each tag.

    An answer reaches to the first closing tag. Its lines may be blank before it and after it, so it can begin in the
    last line that isn't, or in a line from whose tag on all is blank up to that one.
    """
    for part in response.split(_CLOSE)[:-1]:
        text = part.rstrip()
        line = text.rfind("\n") + 1
        start = text.rfind(_OPEN, 0, line)
        if start < 0 or text[start + len(_OPEN) : line].strip():
            start = text.find(_OPEN, line)
        if start >= 0:
            return text[start + len(_OPEN) :].strip()
    return ""


def _gold(letter: str, choice: str) -> set[str]:
    """What a found string has to equal."""
    names = (choice.lower(), choice, letter, letter.lower(), f"({letter.lower()})", f"({letter})")
    return {name.strip() for name in names} - {""}
