"""The option that a response chooses: the one parser behind the accuracy reward and the `strict` scorer.

What is read: the text of the last closed `<answer>...</answer>`; without one, the response without its think part.
How it is read (`options.py` says what an option looks like); the first that says anything decides:

1. a cue: what follows the last "answer is", "answer:" or "correct option is";
2. statements: sentences and lines that are an option or begin with its letter: "(B) 3", "B. 3", "Left.";
3. mentions: the only option that is named anywhere.

A letter and a text that disagree are `conflicting`, two options are `ambiguous`; no guess resolves them. In "X, not Y"
and "X is closer than Y", Y is not chosen: the benchmarks ask what is closer, and a response that says "farther than"
stays ambiguous. This module imports nothing of the project but `options.py`, which imports nothing of it.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from visualzero.evaluation.options import Found, Options, options_of, plain

ParseClass = Literal["parsed", "ambiguous", "conflicting", "none"]


class Parsed(NamedTuple):
    """`prediction` indexes the choices, None unless the class is parsed; `tagged`: there is a closed `<answer>`."""

    prediction: int | None
    parse_class: ParseClass
    tagged: bool


_Verdict = tuple[int | None, ParseClass]
_NONE: _Verdict = (None, "none")
_AMBIGUOUS: _Verdict = (None, "ambiguous")
_CONFLICTING: _Verdict = (None, "conflicting")

_TAG = re.compile(r"<(/?)(answer|think)>", re.IGNORECASE | re.ASCII)
_FORMAT = re.compile(r"<think>(.*)</think>\s*<answer>(.*)</answer>", re.DOTALL)
_CUE = re.compile(
    r"\b(?:answer\b[^.:\n]{0,40}?(?:\b(?:is|would be|should be|must be)\b|:)"
    r"|(?:correct|right|best|final) (?:option|choice)(?: is\b|:))(?!\s*not\b)[\s:]*",
    re.IGNORECASE,
)
_BREAK = re.compile(r"(?<![\s(\[][A-Za-z])(?<!^[A-Za-z])[.!?][\"')\]]*\s+|\n+")  # not in "B. 3"
_LEAD = re.compile(r"[\s\"'#>:.,-]*")
_THERE_IS = r"(?:the|an?|it is|it's|there (?:is|are))"
_ARTICLE = re.compile(rf"(?:(?:{_THERE_IS}|option|choice|letter|point|object)\s+)+", re.IGNORECASE)
_BETWEEN = re.compile(rf"[\s.):,=\"'-]*(?:{_THERE_IS}\s+)*", re.IGNORECASE)  # a letter and its text
_ENDS = re.compile(r"[\s\"')\]]*(?:[.!?]|$)")
_OR = re.compile(r"\s*(?:,\s*(?:or|and)\b|,|/|\bor\b|\band\b|&)\s*(?:(?:the|an?|option)\s+)?", re.IGNORECASE)
_THEN = re.compile(r"[\s,;.]*(?=[(\[])")
_SENTENCES = frozenset({"yes", "no", "true", "false"})  # options that a sentence can begin with: "Yes, it is."
_REJECTS = re.compile(r"\b(?:not|nor|than|instead|compared)\b|n't", re.IGNORECASE)
_TO_OPTION = r"(?:(?:the|an?|in|on|to|at|of|option|point|object)\s+)*[(\"']*$"
_NEGATED = re.compile(rf"(?:\bnot|n't|\bnor|\brather than|\binstead of)\s+{_TO_OPTION}", re.IGNORECASE)
_STANDARD = re.compile(rf"\b(?:closer|nearer)\b[^.!?\n]*\b(?:than|compared (?:to|with))\s+{_TO_OPTION}", re.IGNORECASE)


def parse_answer(response: str, choices: Sequence[str]) -> Parsed:
    """The choice that `response` makes among `choices` (2 to 26 option texts)."""
    text, tagged = answer_text(response)
    prediction, parse_class = _resolve(plain(text), options_of(tuple(choices)))
    return Parsed(prediction, parse_class, tagged)


def is_formatted(text: str) -> bool:
    """Whether a completion is `<think>` thought `</think>` `<answer>` answer `</answer>` and nothing else.

    Each tag occurs once, thought and answer are not blank; blanks may stand between the parts and around them.
    """
    text = text.strip()
    if any(text.count(tag) != 1 for tag in ("<think>", "</think>", "<answer>", "</answer>")):
        return False
    match = _FORMAT.fullmatch(text)
    return match is not None and bool(match[1].strip()) and bool(match[2].strip())


def answer_text(response: str) -> tuple[str, bool]:
    """The part of a response to read, and whether it is the text of an answer tag."""
    tags = list(_TAG.finditer(response)) if "<" in response else []
    close = None
    for tag in reversed(tags):
        if tag[2].lower() == "answer":
            if tag[1]:
                close = tag
            elif close:
                return response[tag.end() : close.start()], True
    outside: list[str] = []
    position, inside = 0, False
    for tag in tags:
        if tag[2].lower() == "answer":
            continue
        if tag[1] and not inside:
            outside.clear()  # the prompt has opened the think part: all so far is thought
        elif not tag[1] and not inside:
            outside.append(response[position : tag.start()])
        inside, position = not tag[1], tag.end()
    if not inside:
        outside.append(response[position:])
    return "\n".join(outside), False


def _resolve(text: str, options: Options) -> _Verdict:
    for cue in reversed(list(_CUE.finditer(text))):
        stop = _BREAK.search(text, cue.end())
        scope = text[cue.end() : stop.start() if stop else len(text)]
        verdict = _statement(scope, options, cue=True) or _mentions(scope, options)
        if verdict:
            return verdict
    verdicts = {_statement(sentence, options, cue=False) for sentence in _BREAK.split(text)} - {None}
    if verdicts:
        return (verdicts.pop() or _NONE) if len(verdicts) == 1 else _AMBIGUOUS
    return _mentions(text, options) or _NONE


def _statement(text: str, options: Options, cue: bool) -> _Verdict | None:
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
            return _CONFLICTING
        end = value.end
    elif not (cue or _is_whole(text, first)):
        return None
    if len(first.options) > 1 or _goes_on(text, end, first.options, options):
        return _AMBIGUOUS
    return next(iter(first.options)), "parsed"


def _text_after(text: str, end: int, options: Options) -> Found | None:
    """The option text that a letter ending at `end` labels: "(B) 3"."""
    between = _BETWEEN.match(text, end)
    return options.text_at(text, between.end()) if between else None


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


def _mentions(text: str, options: Options) -> _Verdict | None:
    """The one option that a text names, leaving out those it rejects; None if it names none."""
    texts, letters = options.all_in(text)
    found = [*texts, *letters]
    if _REJECTS.search(text):
        found = [one for one in found if not _is_rejected(text, one.start)]
    if not found:
        return None
    common = frozenset.intersection(*(one.options for one in found))
    if len(common) == 1:
        return next(iter(common)), "parsed"
    if len({one.options for one in found}) == 2:  # "option C: 3"
        labeled = [(letter, _text_after(text, letter.end, options)) for letter in letters]
        if any(value and not value.options & letter.options for letter, value in labeled):
            return _CONFLICTING
    return _AMBIGUOUS


def _is_rejected(text: str, start: int) -> bool:
    """Whether the option at `start` is what the text says it is not, or what a closer one is compared with."""
    before = text[max(0, start - 160) : start]
    return bool(_NEGATED.search(before[-48:]) or _STANDARD.search(before))
