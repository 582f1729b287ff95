"""What a text says about the options of a question: the rules of the answer parser.

The first rule that says anything decides:

1. a cue: what follows the last "answer is", "answer:", "correct option is", "I choose" or "my guess is";
2. statements: sentences and lines that are an option or begin with its letter: "(B) 3", "B. 3", "Left.";
3. a conclusion: what follows the last "so", "therefore", "in total", "total:" or "=";
4. mentions: the option that is called correct or closer, else the only one that is named anywhere;
5. "none" and "there is no ...", where 0 is an option.

A letter and a text that disagree are `conflicting`, two options are `ambiguous`; no guess resolves them, and an option
that is named by a response that says it can't tell is not chosen. In "X, not Y", "Y is wrong" and "X is closer than Y",
Y is not chosen: the benchmarks ask what is closer, and a response that says "farther" stays ambiguous. The phrases are
in `phrases.py`. This module imports nothing of the project but it and `options.py`, which import nothing of it.
"""

import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Literal, NamedTuple

from visualzero.evaluation.reading.options import Found, Options
from visualzero.evaluation.reading.phrases import (
    CLAUSE,
    CLOSER_IS,
    CONCLUSION,
    CUE,
    IS_CLOSER,
    IS_CORRECT,
    IS_FARTHER,
    NO_THINGS,
    REFUSES,
    REJECTED,
    REJECTS,
    UNSURE,
)

ParseClass = Literal["parsed", "ambiguous", "conflicting", "none"]


class Parsed(NamedTuple):
    """The reading of a response.

    `prediction` indexes the choices; it is None unless the class is parsed. `accepted` holds the options that count as
    chosen where a scorer may take one answer for several of them; else it is empty.
    """

    prediction: int | None
    parse_class: ParseClass
    accepted: frozenset[int] = frozenset()

    def given(self, answer_index: int) -> int | None:
        """The prediction where `answer_index` is right: that option if it is among those accepted."""
        return answer_index if answer_index in self.accepted else self.prediction


NOTHING = Parsed(None, "none")
AMBIGUOUS = Parsed(None, "ambiguous")
CONFLICTING = Parsed(None, "conflicting")

_BREAK = re.compile(r"(?<![\s(\[][A-Za-z])(?<!^[A-Za-z])[.!?][\"')\]]*\s+|\n+")  # not in "B. 3"
_LEAD = re.compile(r"[\s\"'#>:.,-]*")
_THERE_IS = r"(?:the|an?|it is|it's|there (?:is|are))"
_ARTICLE = re.compile(rf"(?:(?:{_THERE_IS}|option|choice|letter|point|object)\s+)+", re.IGNORECASE)
_GAP = re.compile(r"[\s.():,=\"'-]*")  # between a letter and its text
_BETWEEN = re.compile(rf"{_GAP.pattern}(?:{_THERE_IS}\s+)+", re.IGNORECASE)
_LABEL = re.compile(r"[\s,:]*(?=[(\[])")
_ENDS = re.compile(r"[\s\"')\]]*(?:[.!?]|$)")
_OR = re.compile(r"\s*(?:,\s*(?:or|and)\b|,|/|\bor\b|\band\b|&)\s*(?:(?:the|an?|option)\s+)?", re.IGNORECASE)
_THEN = re.compile(r"[\s,;.]*(?=[(\[]|(?<=[\s,;.])[A-Z][.):])")
_SENTENCES = frozenset({"yes", "no", "true", "false"})  # options that a sentence can begin with: "Yes, it is."
_SCOPE = 400  # characters that a cue can reach: a long sentence


def read(text: str, options: Options) -> Parsed:
    """The option that a text (as `plain` gives it) chooses."""
    return (
        _after(CUE, text, options)
        or _stated(text, options)
        or _after(CONCLUSION, text, options)
        or _mentioned(text, options)
        or _nothing_there(text, options)
        or NOTHING
    )


def letter_choice(letter: str, choices: Sequence[str]) -> Parsed:
    """The option of an upper-case letter; nothing if no option has that letter, or there is none ("")."""
    letters = list(ascii_uppercase[: len(choices)])
    return Parsed(letters.index(letter), "parsed") if letter in letters else NOTHING


def _after(cue: re.Pattern[str], text: str, options: Options) -> Parsed | None:
    """What the rest of a sentence says after the last cue that is followed by an option."""
    for found in reversed(list(cue.finditer(text))):
        stop = _BREAK.search(text, found.end(), found.end() + _SCOPE)
        scope = text[found.end() : stop.start() if stop else found.end() + _SCOPE]
        if verdict := _statement(scope, options, cue=True) or _mentioned(scope, options):
            return verdict
    return None


def _stated(text: str, options: Options) -> Parsed | None:
    """What the sentences say that are statements, if they agree."""
    verdicts = {_statement(sentence, options, cue=False) for sentence in _BREAK.split(text)} - {None}
    return verdicts.pop() if len(verdicts) == 1 else AMBIGUOUS if verdicts else None


def _statement(text: str, options: Options, cue: bool) -> Parsed | None:
    """What a text that begins with an option says; None if it doesn't, or goes on as an ordinary sentence.

    After a cue it may go on in any way: "the answer is left because ...".
    """
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    first = options.text_at(text, start) or options.letter_at(text, start, cue)
    if first is None and cue and (article := _ARTICLE.match(text, start)):
        start = article.end()
        first = options.text_at(text, start) or options.letter_at(text, start, cue)
    if first is None:
        return None
    end = first.end
    if first.letter and (value := _text_after(text, end, options)):
        if not first.options & value.options:
            return CONFLICTING
        end = value.end
    elif not first.letter and (label := _label_after(text, end, options)) and not first.options & label.options:
        return CONFLICTING
    elif not (cue or _is_whole(text, first)):
        return None
    if not cue and REJECTED.match(text, end):
        return None
    if len(first.options) > 1 or _goes_on(text, end, first.options, options):
        return AMBIGUOUS
    return Parsed(next(iter(first.options)), "parsed")


def _text_after(text: str, end: int, options: Options) -> Found | None:
    """The option text that a letter ending at `end` labels: "(B) 3"."""
    for between in (_GAP, _BETWEEN):
        gap = between.match(text, end)
        if gap and (value := options.text_at(text, gap.end())):
            return value
    return None


def _label_after(text: str, end: int, options: Options) -> Found | None:
    """The letter in parentheses that follows an option text ending at `end`: "3 (B)"."""
    gap = _LABEL.match(text, end)
    return options.letter_at(text, gap.end(), cue=False) if gap else None


def _is_whole(text: str, first: Found) -> bool:
    """Whether an option at the start of a sentence is a statement of its own: "Left.", "(B) because", "Yes, it is"."""
    if _ENDS.match(text, first.end):
        return True
    if first.letter:
        marked = not text[first.start].isalpha() or text[first.end] in ".):"
        return marked or text[first.end :].lstrip()[:1].isdigit()
    return text[first.end] == "," and text[first.start : first.end].lower() in _SENTENCES


def _goes_on(text: str, end: int, chosen: frozenset[int], options: Options) -> bool:
    """Whether another option follows: "B or C", "left, right", "(A) 3 (B) 2"."""
    after: list[Found | None] = []
    if joined := _OR.match(text, end):
        after = [options.text_at(text, joined.end()), options.letter_at(text, joined.end(), cue=False)]
    if then := _THEN.match(text, end):
        after.append(options.letter_at(text, then.end(), cue=False))
    return any(found and not found.options & chosen for found in after)


def _mentioned(text: str, options: Options) -> Parsed | None:
    """The option that a text calls correct or closer, else the one that it names and doesn't reject, if any."""
    correct = _subjects(IS_CORRECT, text, options)
    if len(correct) == 1:
        return Parsed(correct.pop(), "parsed")
    closer = _subjects(IS_CLOSER, text, options)
    for cue in CLOSER_IS.finditer(text):
        verdict = _statement(text[cue.end() : cue.end() + _SCOPE], options, cue=True)
        closer |= {verdict.prediction} if verdict and verdict.prediction is not None else set()
    if len(closer) == 1:
        return Parsed(closer.pop(), "parsed")
    texts, letters = options.all_in(text)
    found = [one for one in (*texts, *letters) if not _rejected(text, one, options)]
    if not found or REFUSES.search(text):
        return None
    common = frozenset.intersection(*(one.options for one in found))
    if len(common) == 1 and not common & _subjects(IS_FARTHER, text, options):
        return Parsed(next(iter(common)), "parsed")
    if len({one.options for one in found}) == 2:  # "option C: 3", "3 (C)"
        pairs = [(one, _text_after(text, one.end, options)) for one in letters]
        pairs += [(one, _label_after(text, one.end, options)) for one in texts]
        if any(other and not other.options & one.options for one, other in pairs):
            return CONFLICTING
    return AMBIGUOUS


def _rejected(text: str, one: Found, options: Options) -> bool:
    """Whether an option is named to say that it is not the one: "not B", "(B) 3 is wrong"."""
    labeled = _text_after(text, one.end, options) if one.letter else None
    ends = [one.end, labeled.end] if labeled else [one.end]
    before = text[max(0, one.start - 48) : one.start]
    return bool(REJECTS.search(before)) or any(REJECTED.match(text, end) for end in ends)


def _nothing_there(text: str, options: Options) -> Parsed | None:
    """The option 0 of a text that says that there is no such thing."""
    zero = options.text_at("0", 0)
    if zero is None or len(zero.options) > 1 or REFUSES.search(text) or not NO_THINGS.search(text):
        return None
    return Parsed(next(iter(zero.options)), "parsed")


def _subjects(verb: re.Pattern[str], text: str, options: Options) -> set[int]:
    """The options that are the subject of a verb: the only one named in the last clause before it that names any."""
    subjects: set[int] = set()
    for found in verb.finditer(text):
        before = text[max(0, found.start() - _SCOPE) : found.start()]
        for clause in reversed(CLAUSE.split(before)):
            texts, letters = options.all_in(clause)
            if texts or letters:
                common = frozenset.intersection(*(one.options for one in (*texts, *letters)))
                subjects |= common if len(common) == 1 and not UNSURE.search(clause) else set()
                break
    return subjects
