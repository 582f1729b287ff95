"""Statements: a text that begins with an option and says nothing else of it, and whether it hedges."""

import re
from collections.abc import Sequence
from itertools import pairwise

from visualzero.evaluation.reading.options import Mention, Options
from visualzero.evaluation.reading.parsed import AMBIGUOUS, CONFLICTING, Parsed
from visualzero.evaluation.reading.phrases import (
    ALSO,
    CONTRASTS,
    HEDGES,
    ORDINARY,
    PLURAL,
    REASONS,
    REJECTED,
    REJECTS,
    any_of,
)

_LEAD = " \t\n\"'#>:.,-"
_ARTICLE = re.compile(
    r"(?:(?:the|an?|that|it is|it's|there (?:is|are)|option|choice|letter|point|object|answer|in|on|at|to|probably"
    r"|likely|definitely|clearly|most likely|simply|most|indeed)[\s:]{1,3}){1,4}",
    re.IGNORECASE,
)
_DEFINITE = re.compile(r"(?:it is |it's )?(?:the|an?) ", re.IGNORECASE)
_ENDS = re.compile(  # "Left, because ..."; but "The second, on the other hand, shows" is an ordinary sentence
    r"[\s\"')\]]{0,4}(?:[.!?;]|:\s{0,3}$|$|-\s"
    r"|[,(]?\s?(?:because|since|as(?! well)|due to|given|not|it|this|that|I)\b)",
    re.IGNORECASE,
)
_LETTER_ENDS = re.compile(r"[\s\"')\]]{0,4}[,(]")
_NEXT = re.compile(
    r"[\s\"')\]]{0,4}(?:(?:[,;./&|+]|\b(?:or|and|nor|and/or)\b)[\s,]{0,3}){0,2}(?:(?:the|an?|option|also|maybe)\s){0,2}[\s(\[\"']{0,3}",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\b(?:and|or|nor) (?:the )?$", re.IGNORECASE)
_OR = re.compile(r"\bor\b|/", re.IGNORECASE)
_HEDGES, _CONTRASTS = any_of(HEDGES), any_of(CONTRASTS)
_REJECTS, _REJECTED = any_of(REJECTS), any_of(REJECTED)
_ALSO, _ORDINARY, _REASONS, _PLURAL = any_of(ALSO), any_of(ORDINARY), any_of(REASONS), any_of(PLURAL)


def announced(text: str, options: Options) -> Parsed | None:
    """What a text says that begins with an option, as after "the answer is"; it may go on in any way."""
    first = beginning(text, options)
    return None if first is None else _judged(text, first, options)


def beginning(text: str, options: Options) -> Mention | None:
    """The option that a text begins with, behind "the", "it is" and the like."""
    start = len(text) - len(text.lstrip(_LEAD))
    first = options.first_at(text, start)
    if first is None and (article := _ARTICLE.match(text, start)):
        return options.first_at(text, article.end())
    return first


def stated(text: str, options: Options) -> Parsed | None:
    """What a sentence says that is an option, perhaps with a reason; None if it goes on as an ordinary sentence."""
    start = len(text) - len(text.lstrip(_LEAD))
    first = options.first_at(text, start)
    if first is None and (article := _DEFINITE.match(text, start)):
        first = options.first_at(text, article.end())
        if first is None or text[first.end :].strip(" \"').!"):
            return None
    if first is None:
        return None
    whole = text[first.start : first.end]
    ends = _ENDS.match(text, first.end) or (_LETTER_ENDS.match(text, first.end) and len(whole.strip("([])")) == 1)
    if not ends:
        return None
    if _REJECTED.match(text, first.end):
        return None
    return _judged(text, first, options)


def rejected(text: str, mention: Mention) -> bool:
    """Whether an option is named to say that it is not the one: "not B", "(B) 3 is wrong"."""
    before = text[max(0, mention.start - 60) : mention.start]
    return _REJECTS.search(before) is not None or _REJECTED.match(text, mention.end) is not None


def without_listing(text: str, mentions: Sequence[Mention], n: int) -> Sequence[Mention]:
    """The mentions of a sentence without a list of all of three options or more, which only presents them."""
    if n < 3:
        return mentions
    for first in range(len(mentions) - n + 1):
        run = mentions[first : first + n]
        if all(_NEXT.fullmatch(text, one.end, other.start) for one, other in pairwise(run)):
            return [*mentions[:first], *mentions[first + n :]]
    return mentions


def in_main_clause(text: str, mentions: Sequence[Mention]) -> Sequence[Mention]:
    """The mentions of a sentence without those that only give the reason for another: "left, because the right ..."."""
    if mentions and _JOINED.search(text[: mentions[0].start]) and _PLURAL.match(text, mentions[0].end):
        mentions = mentions[1:]  # "the second and the third image are alike" names none alone
    reason = _REASONS.search(text)
    if reason is None:
        return mentions
    return [one for one in mentions if one.start < reason.start()]


def verdict(chosen: frozenset[int]) -> Parsed:
    """The only option of these, or that they are several."""
    return Parsed(next(iter(chosen)), "parsed") if len(chosen) == 1 else AMBIGUOUS


def _judged(text: str, first: Mention, options: Options) -> Parsed:
    if first.conflict:
        return CONFLICTING
    if hedged(text, first, options):
        return AMBIGUOUS
    return verdict(first.options)


def hedged(text: str, first: Mention, options: Options) -> bool:
    """Whether another option is said to be the answer as well: "B or C", "left, right", "A, but it may also be B"."""
    end = last = first.end
    for one in options.mentions(text[end:]):
        other = one._replace(start=one.start + end, end=one.end + end)
        between, last = text[last : other.start], other.end
        if other.options & first.options:
            continue
        if _ALSO.match(text, other.end):
            return True
        if _NEXT.fullmatch(between):
            if _ORDINARY.match(text, other.end) is None or _OR.search(between):
                return True
            continue
        hedges = [hedge for hedge in _HEDGES.finditer(between) if not _CONTRASTS.search(between, hedge.end())]
        if hedges and ("but" in between or not _CONTRASTS.search(between, 0, hedges[-1].start())):
            return True
    return False
