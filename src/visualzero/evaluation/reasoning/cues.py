"""Cues of self-reflection: the list, and finding them in a thought.

A cue counts only where it is the writer who waits or checks again. "Wait" and "hold on" are interjections: they begin a
clause, and nothing follows that one waits for or holds on to ("Wait, ...", but not "they wait at the stop" or "wait
staff"). "Check again" and its like begin a clause or have a first person ("let me look again", but not "the skater will
try again"). A quotation mark begins no clause: a sign that reads "Wait" is no cue. The verbs with "re-" count in every
form but the third person's "rechecks".

Sources: the keywords of oat-zero (github.com/sail-sg/oat-zero) and of its paper's analysis (arXiv 2503.20783), and the
list around "wait" that many R1-Zero works share: wait, re-check, rethink, reconsider, re-evaluate, re-examine, and
check, try, think, consider, evaluate, examine again. What is added to them says so and why.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

NAME = "visualzero-cues-1"  # another name for any change of CUES

_START = r"(?:^|[.!?;:,(*\n\u2026\u2013\u2014-])\s{0,4}"  # of a clause
_ADVERB = r"(?:(?:just|now|also|first|quickly|carefully|probably|better)\s+)?"
_SHALL = r"(?:(?:should|must|will|can|could|need to|have to|want to|am going to|had better)\s+)?"
_WRITER = (
    rf"(?:{_START}(?:(?:so|but|then|need to|must|should)\s+)?"
    rf"|\b(?:i|we)(?:'ll|'d)?\s+{_ADVERB}{_SHALL}"
    rf"|\blet(?: me|'s| us)\s+){_ADVERB}"
)
_NOT_AWAITED = (
    r"(?!['-]\w|,?\s*(?:and|or)\b|\s+(?:for|at|in|on|until|till|by|near|behind|beside|inside|outside|under|to|with|while"
    r"|here|staff|times?|lists?|lines?|rooms?|areas?)\b)"
)

CUES = {
    "wait": rf"(?:{_START}|\b(?:but|so|oh|no|hmm+|ok|okay|well|actually)\s+)wait\b{_NOT_AWAITED}",
    # Added: hesitation.
    "hmm": r"\bhm+\b",
    # Added: recount and re-verify, the same step for counts and checks.
    "re-verb": (
        r"\bre-?(?:check(?:ed|ing)?|think(?:ing)?|thought|consider(?:ed|ing|ation)?|evaluat(?:e|ed|ing|ion)"
        r"|examin(?:e|ed|ing|ation)|assess(?:ed|ing|ment)?|analy[sz](?:e|ed|ing)|verif(?:y|ied|ying)|count(?:ed|ing)?)\b"
    ),
    # Added: look and count, as it is an image that is checked. Up to four words between: "look at the image again".
    "again": (
        rf"{_WRITER}(?:check|try|think|verify|consider|evaluate|examine|look|count)(?:\s+[\w']+){{0,4}}?\s+again\b"
    ),
    "double-check": r"\bdouble[ -]check(?:ed|ing)?\b",
    # Added: a check that the writer announces, be it the first.
    "let me check": r"\blet(?: me|'s| us)\s+(?:just\s+|now\s+)?(?:check|verify|confirm)\b",
    "go over": r"\bgo (?:back )?over (?:the|my|these|those) (?:steps|reasoning)\b",
    # Added: a change of mind, a closer look.
    "second thought": (
        r"\b(?:up)?on (?:second|further|closer) (?:thoughts?|reflection|consideration|inspection|look|examination)\b"
    ),
    # Added: as "wait".
    "hold on": rf"{_START}(?:(?:but|no|oh)\s+)?hold on(?=\s*(?:[.,!\u2026\u2014-]|$)|\s+a (?:second|minute|moment)\b)",
    # Added: an error admitted.
    "mistake": r"\b(?:i|we)(?:'ve| have)? made (?:a mistake|an error)\b|\bmy mistake\b|\bcorrect myself\b",
    # Added: the paper's own word.
    "aha": r"\baha\b",
}
DIGEST = hashlib.sha256("\n".join(f"{name}\t{pattern}" for name, pattern in CUES.items()).encode()).hexdigest()[:16]

_NAMES = tuple(CUES)
_ONE_OF = "|".join(f"(?P<c{number}>{pattern})" for number, pattern in enumerate(CUES.values()))
# A cue begins at a mark or with a word; looking nowhere else halves the time.
_CUES = re.compile(rf"(?=[^\w \t]|\b\w)(?:{_ONE_OF})", re.IGNORECASE)
_KEYWORDS = re.compile(r"\b(?:aha|check\w*|possibl\w*|verify|wait|yet)\b", re.IGNORECASE)
_APOSTROPHE = str.maketrans("\u2019", "'")


class Cue(NamedTuple):
    """A cue in a text: its name in `CUES`, where it starts (with the mark or word that leads it in) and ends."""

    name: str
    start: int
    end: int


def find_cues(text: str) -> Iterator[Cue]:
    """The cues in a thought, in order; give it the thought alone, without prompt, tags and answer."""
    for match in _CUES.finditer(text.translate(_APOSTROPHE)):
        yield Cue(_NAMES[int((match.lastgroup or "")[1:])], match.start(), match.end())


def count_cues(text: str) -> int:
    """How many cues a thought has."""
    return sum(1 for _ in find_cues(text))


def count_keywords(text: str) -> int:
    """How many of the paper's keywords a thought has, whatever they mean there.

    Its authors counted "aha", "check", "possibl", "verify", "wait" and "yet" (VisualThinker-R1-Zero, issue 12), but
    don't say how; here they are words, of which "check" and "possibl" may go on.
    """
    return len(_KEYWORDS.findall(text))
