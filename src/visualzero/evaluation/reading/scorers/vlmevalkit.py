"""VLMEvalKit's scorer of multiple-choice sets, without its judge.

Source: open-compass/VLMEvalKit at e8e78f0, vlmeval/utils/matching_util.py, `can_infer`. There a language model judges
what the rules leave open, and after three failures an option is drawn at random; here what they leave open is nothing.

Rule, first that applies: (1) a refusal is nothing; (2) the only letter among the words, if it is one of the last four;
(3) "answer is X", X from A to D; (4) the only option whose text, in lower case, is somewhere in a completion that is at
most twice as long as all option texts together.

Quirks: (3) reads "the answer is actually ..." as A and never finds E or F; (4) has no word boundaries, so "3" is in
"13", and long responses are nothing.
"""

import re
from collections.abc import Sequence
from string import ascii_uppercase

from visualzero.evaluation.reading.parsed import NOTHING, Parsed, letter_choice

_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_MARKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_CUE = re.compile(r"answer\s+is\s+\**([ABCD])", re.IGNORECASE)


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The option that VLMEvalKit infers from a completion by its rules."""
    if any(refusal in response for refusal in _REFUSALS):
        return NOTHING
    words = response.translate(_MARKS).split()
    letters = [letter for letter in ascii_uppercase[: len(choices)] if letter in words]
    if len(letters) == 1 and words.index(letters[0]) > len(words) - 5:
        return letter_choice(letters[0], choices)
    if not letters and "Z" in words:  # what its judge answers for "none of them"
        return NOTHING
    cue = _CUE.search(response)
    if cue and (said := letter_choice(cue[1].upper(), choices)) is not NOTHING:
        return said
    text = response.lower()
    named = [index for index, choice in enumerate(choices) if choice.lower() in text]
    if len(named) == 1 and len(text) <= 2 * sum(map(len, choices)):
        return Parsed(named[0], "parsed")
    return NOTHING
