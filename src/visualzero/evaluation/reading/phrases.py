"""Phrases around an answer: what announces it, what rejects an option, what says that there is no answer.

Patterns of the rules in `rules.py`. This module imports nothing of the project.
"""

import re

CUE = re.compile(
    r"(?:(?:\b|_)answer\b[^.:\n]{0,40}?(?:\b(?:is|would be|should be|must be)\b|:)"
    r"|\b(?:correct|right|best|final) (?:option|choice)(?: is\b|:)"
    r"|\bI(?:'d| would| will|'ll)? (?:choose|pick|select|go with)\b"
    r"|\bmy (?:best )?guess (?:is|would be)\b"
    r"|\bhad to (?:guess|choose|pick)\b,?(?: (?:it|I)(?:'d| would) (?:be|say)\b)?"
    r"|(?:^|\n)A:(?=\s*[(\[]?[A-Z]\b))(?!\s*not\b)[\s:]*",
    re.IGNORECASE,
)
CONCLUSION = re.compile(
    r"(?:^|[.,;:!?\n]\s*|\band\s+)(?:so(?! (?:far|close|near|much|many|that)\b)|thus|hence|therefore|in total)\b[\s,:]*"
    r"|\ba total of\b\s*|\btotal(?: number)?\b[^.:\n]{0,40}?(?:\bis\b|:)\s*|(?<=\d)\s*=\s*",
    re.IGNORECASE,
)
REJECTS = re.compile(
    r"(?:\bnot|\bcannot|n't|\bnor?|\brather than|\binstead of)\s+"
    r"(?:be\s+|(?:think|believe)\s+(?:that\s+)?(?:it\s+is|it's|that's|the answer is)\s+)?"
    r"(?:(?:the|an?|in|on|to|at|of|option|point|object)\s+)*[(\"']*$",
    re.IGNORECASE,
)
REJECTED = re.compile(
    r"[\s\"')\],:-]*(?:(?:is|are|was|would be|can be)(?:\s+(?:also|clearly))?\s+)?"
    r"(?:incorrect|wrong|possible|ruled out|eliminated|not (?:the )?(?:correct|right|answer)\b)",
    re.IGNORECASE,
)
REFUSES = re.compile(
    r"\b(?:can ?not|can't|unable to|not able to|(?:im|not )possible to)\s+(?:\w+ly\s+|be\s+)?"
    r"(?:determine|tell|say|judge|conclude|infer|answer|assist|help)",
    re.IGNORECASE,
)
_THINGS = (
    r"(?! (?:images?|pictures?|photos?|way|answers?|options?|correct|clear|enough|sufficient|doubt|one|info\w*)\b)"
)
NO_THINGS = re.compile(
    r"\bnone\b(?! of the (?:above|options|choices|answers))"
    rf"|\b(?:there (?:is|are)|I (?:can )?see|contains?|shows?|has) no\b{_THINGS}"
    rf"|\b(?:there (?:is|are)(?:n't| not)|I (?:don't|can't|cannot) see) any\b{_THINGS}"
    rf"|(?:^|[.!?\n]\s*)no\b{_THINGS}(?: [\w-]+){{1,3}}? (?:is|are)\b",
    re.IGNORECASE,
)
_WORDS = r"(?:(?!not\b|than\b|is\b|are\b)[\w'-]+\s+){0,4}?"
_VERB = rf"\b(?:is|are|was|appears?|seems?|looks?|stands?|sits?|lies)\s+{_WORDS}"
IS_CORRECT = re.compile(
    r"\bis\s+(?:(?:the\s+)?correct\b|the\s+(?:right|best)\s+(?:answer|option|choice)\b)", re.IGNORECASE
)
IS_CLOSER = re.compile(rf"{_VERB}(?:closer|closest|nearer|nearest)\b", re.IGNORECASE)
IS_FARTHER = re.compile(rf"{_VERB}(?:farther|farthest|furthest|further (?:away|back|from|than))\b", re.IGNORECASE)
CLOSER_IS = re.compile(r"\b(?:closer|closest|nearer|nearest)\b[^.,;:\n]{0,60}?(?:\b(?:is|are)\b|:)\s*", re.IGNORECASE)
CLAUSE = re.compile(
    r"[.,;:!?\n]|\b(?:while|whereas|but|because|since|than|as|so|thus|hence|therefore)\b", re.IGNORECASE
)
UNSURE = re.compile(r"\b(?:if|whether|which|not|or|nor|neither)\b|n't", re.IGNORECASE)
