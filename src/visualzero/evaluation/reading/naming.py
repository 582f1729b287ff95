"""What can be told from the options that a text names, where it says nothing plainer of them."""

from visualzero.evaluation.reading.page import Page, Sentence
from visualzero.evaluation.reading.parsed import AMBIGUOUS, CONFLICTING, Parsed
from visualzero.evaluation.reading.phrases import COMPARES, DENIES, IDENTIFIES, any_of
from visualzero.evaluation.reading.statements import in_main_clause, rejected, verdict, without_listing

_DENIES, _IDENTIFIES, _COMPARES = any_of(DENIES), any_of(IDENTIFIES), any_of(COMPARES)


def identified(page: Page) -> Parsed | None:
    """The option that something is said to be: "The corresponding point is A."."""
    found: set[int] = set()
    for sentence in page.sentences:
        if sentence.asks or sentence.conditional or not sentence.mentions or sentence.start < page.refused:
            continue
        first = sentence.mentions[0]
        alone = all(one.options == first.options for one in sentence.mentions)
        if (
            alone
            and first.one is not None
            and not rejected(sentence.text, first)
            and _IDENTIFIES.search(sentence.text[: first.start])
        ):
            found.add(first.one)
    return verdict(frozenset(found)) if len(found) == 1 else None


def mentioned(page: Page) -> Parsed | None:
    """The only option that a text names and doesn't reject, if any."""
    said = [claim for some in page.claims for claim in some]
    back = {claim.option for claim in said} - {claim.option for claim in said if claim.forward}
    named = [
        (sentence, mention)
        for sentence in page.sentences
        if not (sentence.asks or _denied(sentence))
        for mention in in_main_clause(sentence.text, without_listing(sentence.text, sentence.mentions, page.options.n))
        if not (rejected(sentence.text, mention) or mention.one in back)
    ]
    if page.refused >= 0 or all(_COMPARES.search(one.text[: mention.start]) for one, mention in named):
        return None
    if all(sentence.conditional for sentence, _ in named):
        return AMBIGUOUS
    if any(mention.conflict for _, mention in named):
        return CONFLICTING
    return verdict(frozenset.intersection(*(mention.options for _, mention in named)))


def _denied(sentence: Sentence) -> bool:
    """Whether a sentence says what an option is not; the others in it are only compared with it."""
    first = sentence.mentions[0] if sentence.mentions else None
    return first is not None and _DENIES.match(sentence.text, first.end) is not None


def several(page: Page) -> Parsed | None:
    """That a text names several options without saying anything of them: a question, a list of all."""
    options = {
        mention.options
        for sentence in page.sentences
        for mention in sentence.mentions
        if not rejected(sentence.text, mention)
    }
    return AMBIGUOUS if len(options) > 1 and page.refused < 0 else None
