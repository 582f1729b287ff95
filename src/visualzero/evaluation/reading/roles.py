"""Which option a sentence puts forward, by the part that it plays there: what is said of what.

A predicate puts its subject forward ("closer", "in front of", "most similar", "the best choice") or back ("farther",
"behind", "less similar", "wrong"). Its subject is the last option before it that is no complement of something else
("than the desk", "next to the desk"); "it" is the subject that was before. The benchmarks ask which of two things is
closer, so where one of two is put back the other is meant.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from visualzero.evaluation.reading.options import Mention
from visualzero.evaluation.reading.parsed import AMBIGUOUS, CONFLICTING, Parsed
from visualzero.evaluation.reading.phrases import REJECTS, any_of

_WORDS = r"(?:(?!(?:not|than|is|are|no|nor|neither|to(?! be| have))\b)[\w'-]{1,30}\s){0,4}?"
_VERB = (
    r"(?:: |\b(?:is|are|was|were|being|appears?|seems?|looks?|stands?|sits?|lies|remains|makes it|making it|has)\s)"
    + _WORDS
)
_FITTING = (
    r"(?:similar|likely|appropriate|accurate|accurately|suitable|probable|plausible|close|closely|consistent|reasonable"
    r"|fitting|alike|aligned|logical|logically|precise|precisely|seamlessly|naturally|effectively|compatible|matching)"
)
_GOOD = r"(?:answer|option|choice|match|fit|candidate|one|solution|alternative|representation|continuation)"

FORWARD = (
    r"(?:closer|closest|nearer|nearest)\b",
    r"(?:in (?:the )?(?:immediate )?(?:front|foreground)|at the front)\b",
    rf"(?:more|most) {_FITTING}\b(?! to be (?:farther|behind|wrong|incorrect)\b)",
)
BACK = (
    r"(?:farther|farthest|furthest|further (?:away|back|from|than|behind)|more distant|most distant)\b",
    r"(?:behind|in (?:the )?(?:far )?(?:background|back|distance)|at the back)\b",
    rf"(?:less|least) {_FITTING}\b",
    r"worse\b|worst\b",
)
ADVERBS = (  # right behind their subject
    r"(?:more|most) (?!likely\b)[a-z]+ly\b",
    rf"(?:better|best)\b(?! {_GOOD}\b)",
)
VERDICTS = (
    r"(?:the )?correct\b(?! (?:distance|position|place|side|order)\b)",
    rf"(?:the )?(?:most |more |best |right |only |better |ideal |closest )(?:{_FITTING} )?{_GOOD}\b",
)
WRONG = (r"(?:incorrect|wrong|ruled out|eliminated|impossible)\b(?! to\b)",)

_AHEAD = (
    r"[^.,;:\n]{0,60}?(?:\b(?:is|are|would be|must be)\b|:)\s{0,3}(?:(?:the|an?|point|object|option)\s){0,2}[(\"']{0,2}"
)
_COMPLEMENT = re.compile(
    r"\b(?:than|to|from|of|with|on|in|at|by|behind|near|beside|between|under|over|above|below|beneath|around|for|like|against|past"
    r"|unlike|and its|compared with)\s(?:(?:the|an?|its|this|that|both|option|choice|point|box|object)\s){0,2}"
    r"(?:(?!the\b|an?\b|is\b|are\b|was\b)[\w'-]{1,20}\s){0,2}[(\"']{0,2}$",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"[\s\"')]{0,3}(?:and|or|nor|/|&|as well as|, ?and|, ?or)[\s\"'(]{0,3}(?:(?:the|an?|point|option)\s)?[\"'(]{0,2}",
    re.IGNORECASE,
)
_REJECTS = any_of(REJECTS)
_NEGATED = re.compile(r"\b(?:not|never|neither|nor|no|hardly|cannot)\b|n't", re.IGNORECASE)
_CONNECTOR = re.compile(
    r"[.,;:!?\n]|\b(?:while|whereas|but|because|since|as|so|thus|hence|therefore|although|though|when|where|suggesting"
    r"|indicating|meaning|implying|showing|confirming|that|which means|and)\b",
    re.IGNORECASE,
)
_OWN_SUBJECT = re.compile(
    r"\s{0,3}(?:the|an?|its|their|my|our|each|both|all|some|every|these|those|another|there|I|we|you)\b", re.IGNORECASE
)
_RELATIVE = re.compile(
    r",?\s(?:which|that|who)\b(?! (?:means|makes|suggests|indicates|shows|implies))[^,;]*", re.IGNORECASE
)  # of the option just named
_OTHER = re.compile(r"\s{0,3}the other\b(?! hand\b)", re.IGNORECASE)
_PRONOUN = re.compile(r"\s{0,3}(?:(?:but|then|also|\w+ly)\s)?(?:it|this|that|they)\b", re.IGNORECASE)
MIXED = -1  # an option's text with another's letter
_REACH = 300  # characters in which a subject is looked for
_MANY = 6  # mentions that are looked at


class Claim(NamedTuple):
    """What a predicate at `start` says: of which option, and whether it puts it forward."""

    start: int
    option: int
    forward: bool
    verdict: bool


class Predicates(NamedTuple):
    """The tables as one pattern each."""

    plain: re.Pattern[str]
    ahead: re.Pattern[str]


def predicates() -> Predicates:
    """The patterns of all predicates; each has its kind as the name of its group."""
    kinds = {"verdict": VERDICTS, "wrong": WRONG, "forward": FORWARD, "back": BACK}
    after_verb = "|".join(f"(?P<{kind}>{'|'.join(table)})" for kind, table in kinds.items())
    return Predicates(
        any_of([f"{_VERB}(?:{after_verb})", f"\\b(?P<adverb>{'|'.join(ADVERBS)})"]),
        any_of([rf"\b(?:(?P<forward>{'|'.join(FORWARD)})|(?P<back>{'|'.join(BACK)})){_AHEAD}"]),
    )


PREDICATES = predicates()


def claims(text: str, mentions: Sequence[Mention], before: int | None, n: int) -> tuple[list[Claim], int | None]:
    """What a sentence claims of the options that it mentions, and its last subject.

    Args:
        text: the sentence.
        mentions: its mentions, in order.
        before: the subject of the sentence before, which "it" means.
        n: the number of options.
    """
    found: list[Claim] = []
    subject = before
    starts = [mention.start for mention in mentions]
    for match in PREDICATES.plain.finditer(text):
        option, negated = _subject(text, mentions[: bisect_left(starts, match.start())], match.start(), subject, n)
        if option is None:
            continue
        subject = option
        if not negated:
            kind = match.lastgroup or ""
            found.append(Claim(match.start(), option, kind not in ("back", "wrong"), kind in ("verdict", "wrong")))
    for match in PREDICATES.ahead.finditer(text):
        index = bisect_left(starts, match.end() - 2)
        if index < len(mentions) and mentions[index].start <= match.end() and not _coordinated(text, mentions, index):
            option = mentions[index].one
            if option is not None:
                found.append(Claim(match.start(), option, match.lastgroup == "forward", False))
    if subject == before:
        heads = [
            mention
            for index, mention in enumerate(mentions[:_MANY])
            if not _is_complement(text, mentions, index) and not _coordinated(text, mentions, index)
        ]
        subject = heads[0].one if heads else None
    return found, subject


def put_forward(found: Sequence[Claim], n: int) -> Parsed | None:
    """The option that claims put forward, if they are about any; of two options also the other of the one put back."""
    forward = {claim.option for claim in found if claim.forward}
    if MIXED in forward:
        return CONFLICTING
    if n == 2:
        forward |= {1 - claim.option for claim in found if not (claim.forward or claim.verdict) and claim.option >= 0}
    else:
        forward -= {claim.option for claim in found if not claim.forward}
    return (Parsed(forward.pop(), "parsed") if len(forward) == 1 else AMBIGUOUS) if forward else None


def _subject(text: str, mentions: Sequence[Mention], end: int, before: int | None, n: int) -> tuple[int | None, bool]:
    """The subject of a predicate that begins at `end`, and whether the predicate is negated."""
    first = max(0, len(mentions) - _MANY)
    for index in range(len(mentions) - 1, first - 1, -1):
        mention = mentions[index]
        if end - mention.end > _REACH:
            break
        between = text[mention.end : end]
        if _is_complement(text, mentions, index) and not _RELATIVE.fullmatch(between):
            continue
        parts = _CONNECTOR.split(between)
        tail = parts[-1]
        if _OWN_SUBJECT.match(tail):
            if _OTHER.match(tail) and n == 2 and mention.one is not None:
                return 1 - mention.one, bool(_NEGATED.search(tail))
            return None, False
        if _coordinated(text, mentions, index) or _REJECTS.search(text[max(0, mention.start - 60) : mention.start]):
            return None, False
        return MIXED if mention.conflict else mention.one, bool(_NEGATED.search(tail))
    clause = _CONNECTOR.split(text[max(0, end - _REACH) : end])[-1]
    return (before, bool(_NEGATED.search(clause))) if _PRONOUN.match(clause) else (None, False)


def _is_complement(text: str, mentions: Sequence[Mention], index: int) -> bool:
    start = mentions[index].start
    return _COMPLEMENT.search(text[max(0, start - 60) : start]) is not None


def _coordinated(text: str, mentions: Sequence[Mention], index: int) -> bool:
    """Whether a mention is one of "A and B"."""
    pairs = [(index - 1, index), (index, index + 1)]
    return any(
        one >= 0
        and other < len(mentions)
        and mentions[one].options != mentions[other].options
        and _JOINED.fullmatch(text, mentions[one].end, mentions[other].start) is not None
        for one, other in pairs
    )
