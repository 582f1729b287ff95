"""What a text says about the options of a question: the rules of the answer parser, in the order in which they decide.

- the whole text is an option's own text or letter;
- `cued`: what follows the last "answer is", "answer:", "correct option is", "I choose", "my guess is", `boxed`;
- `agreed_statements`: sentences and lines that are an option: "(B) 3", "B. 3", "Left, because ...";
- `verdicts`: the option that is called correct, or the best choice;
- `conclusions`: what the last "so", "therefore", "based on ...", "in total" or "=" comes to;
- `thesis`: what a sentence says whose reason the next one gives;
- `weak_conclusions`: what the last "this suggests that" comes to;
- `roles`: the option that is put forward as closer, in front or most fitting (`roles.py`);
- `identified`: the option that something is said to be: "The point that corresponds is B.";
- `counted`: the number of all, where its parts follow: "3 lamps: 2 red and 1 blue";
- `mentioned`: the only option that is named and not rejected;
- `nothing_there`: "none" and "there is no ...", where 0 is an option.

A letter and a text that disagree are `conflicting`, two options are `ambiguous`; no guess resolves them. Questions and
conditions say nothing, and an option that is named by a response that says it can't tell is not chosen.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from visualzero.evaluation.reading.cues import cued, scopes
from visualzero.evaluation.reading.naming import identified, mentioned, several
from visualzero.evaluation.reading.numbers import counted, none_of, nothing_there
from visualzero.evaluation.reading.options import Options
from visualzero.evaluation.reading.page import Page
from visualzero.evaluation.reading.parsed import AMBIGUOUS, NOTHING, Parsed
from visualzero.evaluation.reading.phrases import (
    CONCLUSIONS,
    DENIES,
    EVIDENCE,
    NONE_OF,
    SECOND,
    WEAK_CONCLUSIONS,
    any_of,
)
from visualzero.evaluation.reading.roles import Claim, put_forward
from visualzero.evaluation.reading.statements import announced, beginning, in_main_clause, rejected, stated, verdict

_CONCLUSION, _WEAK_CONCLUSION = any_of(CONCLUSIONS), any_of(WEAK_CONCLUSIONS)
_EVIDENCE, _DENIES, _NONE_OF, _SECOND = any_of(EVIDENCE), any_of(DENIES), any_of(NONE_OF), any_of(SECOND)


def read(raw: str, options: Options) -> Parsed:
    """The option that a text chooses."""
    text = options.plain(raw)
    if exact := options.exactly(raw) or options.exactly(text):
        return verdict(exact)
    page = Page(text, options)
    return next((said for rule in RULES if (said := rule(page))), NOTHING)


def agreed_statements(page: Page) -> Parsed | None:
    """What the sentences say that are statements, if they agree."""
    said = {stated(one.text, page.options) for one in page.sentences if not one.asks} - {None}
    only = said.pop() if len(said) == 1 else None
    if only is None or only.prediction is None:
        return None
    seconds = [one.mentions[0] for one in page.sentences if one.mentions and _SECOND.match(one.text)]
    return AMBIGUOUS if any(one.one != only.prediction for one in seconds) else only


def verdicts(page: Page) -> Parsed | None:
    """The option that is called correct, or the best choice."""
    said = put_forward([claim for claim in _claims(page) if claim.verdict], page.options.n)
    return None if said == AMBIGUOUS else said


def conclusions(page: Page) -> Parsed | None:
    """What the last conclusion says."""
    return _concluded(page, _CONCLUSION)


def thesis(page: Page) -> Parsed | None:
    """What a sentence says whose reason the next one gives: "It moves left. This is evident because ..."."""
    found: set[int] = set()
    for sentence, after in pairwise(page.sentences):
        if sentence.asks or sentence.conditional or not _EVIDENCE.match(after.text):
            continue
        named = [one for one in in_main_clause(sentence.text, sentence.mentions) if not rejected(sentence.text, one)]
        options = {one.one for one in named}
        found |= {option for option in options if option is not None and len(options) == 1}
    return verdict(frozenset(found)) if len(found) == 1 else None


def weak_conclusions(page: Page) -> Parsed | None:
    """What the last "this suggests that" says."""
    return _concluded(page, _WEAK_CONCLUSION)


def roles(page: Page) -> Parsed | None:
    """The option that is put forward."""
    return put_forward([] if page.options.numbers else _claims(page), page.options.n)


RULES: tuple[Callable[[Page], Parsed | None], ...] = (
    cued,
    agreed_statements,
    verdicts,
    conclusions,
    thesis,
    weak_conclusions,
    roles,
    identified,
    counted,
    mentioned,
    nothing_there,
    several,
)


def _claims(page: Page) -> list[Claim]:
    """What is claimed after the last refusal to choose."""
    return [
        claim
        for sentence, some in zip(page.sentences, page.claims, strict=True)
        for claim in some
        if sentence.start + claim.start >= page.refused
    ]


def _concluded(page: Page, conclusion: re.Pattern[str]) -> Parsed | None:
    """What the last conclusion that names or means an option says."""
    for start, end, stop, asks in scopes(conclusion, page):
        if asks or start < page.refused:
            continue
        if not page.options.numbers:
            said = put_forward(_claims_between(page, start, stop), page.options.n)
            if said:
                return said
        scope = page.text[end:stop]
        if _NONE_OF.match(scope):
            return none_of(page.options)
        first = beginning(scope, page.options)
        if first and _DENIES.match(scope, first.end):
            return None
        if said := announced(scope, page.options) or mentioned(Page(scope, page.options)):
            return said if said.prediction is not None else None
    return None


def _claims_between(page: Page, start: int, stop: int) -> list[Claim]:
    return [
        claim
        for sentence, some in zip(page.sentences, page.claims, strict=True)
        for claim in some
        if start - 1 <= sentence.start + claim.start < stop
    ]
