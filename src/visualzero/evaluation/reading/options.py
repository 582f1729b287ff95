"""What the options of a question look like in a text: as a letter or as the option's own text.

Texts are found whatever their case, at word boundaries, with number words equal to digits ("three" is "3"); of texts
that overlap the longest counts ("large red cube" over "red cube"). Letters are "(B)", "(b)", "option B", an upper-case
letter that stands alone, and where a statement begins also "b)" and "b."; a letter beyond the last option is no letter,
and the article "a" is no option. This module imports nothing of the project.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from string import ascii_uppercase
from typing import NamedTuple

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
# "one" is no number in "the one", "this one", "one of", "one by one" and "one another".
_NUMBER = re.compile(
    rf"\b(?<!the )(?<!this )(?<!that )(?<!no )(?:{'|'.join(_NUMBERS)})\b"
    r"(?! of\b)(?! by one\b)(?<! by one)(?! another\b)(?! at a time\b)",
    re.IGNORECASE | re.ASCII,
)
_MARKUP = re.compile(
    r"</?[a-zA-Z|][^<>\n]{0,30}>|\\(?:boxed|text|textbf|mathrm)\b|\\[()\[\]]|[*`${}]|(?<!\w)__?(?=\w)|(?<=[\w.:)])__?(?!\w)"
)
_ENUMERATOR = re.compile(r"^[ \t]*\d+[.)][ \t]+(?=\S)", re.MULTILINE)
# Quotes, a dash, Chinese punctuation and brackets; characters without width are dropped.
_PLAIN = str.maketrans(
    "\u2018\u2019\u201c\u201d\u2013\u3002\u3001\u3010\u3011", "''\"\"-.,[]", "\u200b\u200c\u200d\ufeff"
)
_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z\d])|(?<=[A-Za-z\d])(?=[\u4e00-\u9fff])")
_EDGES = " \t\n.,;:!?\"'()[]"
# "A" and "I" are words rather than letters unless something other than a noun follows.
_ALONE = (
    r"(?=\s*(?:$|[.,;:!?)\]\"'/=-]|"
    r"\s(?:\d|[B-Z]\b|is\b|was\b|and\b|or\b|appears\b|seems\b|looks\b|than\b|has\b|because\b|rather\b|instead\b|not\b)))"
)


class Found(NamedTuple):
    """A piece of text [start, end) and the options (indices) that it can stand for; `letter`: it is one."""

    options: frozenset[int]
    start: int
    end: int
    letter: bool


class Options:
    """The options of one question, ready to be looked for."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        keys: dict[str, set[int]] = {}
        for index, choice in enumerate(choices):
            text = plain(choice)
            keys.setdefault(_key(text.strip(_EDGES) or text.strip()), set()).add(index)
        ordered = sorted((key for key in keys if key), key=len, reverse=True)
        self._indices = {f"o{number}": frozenset(keys[key]) for number, key in enumerate(ordered)}
        named = [f"(?P<o{number}>{_text_pattern(key)})" for number, key in enumerate(ordered)]
        self._texts = re.compile(f"(?={'|'.join(named) or '(?!)'})", re.IGNORECASE)  # finds overlapping ones too
        self._letters, self._first, self._first_after_cue = _letter_patterns(ascii_uppercase[: len(choices)])

    def text_at(self, text: str, start: int) -> Found | None:
        """The longest option text at `start`."""
        match = self._texts.match(text, start)
        return self._found(match) if match else None

    def letter_at(self, text: str, start: int, cue: bool) -> Found | None:
        """The letter at `start`; after a cue a lower-case one needs no punctuation: "the answer is b because"."""
        match = (self._first_after_cue if cue else self._first).match(text, start)
        return _letter(match) if match else None

    def all_in(self, text: str) -> tuple[list[Found], list[Found]]:
        """All option texts, and all letters outside them."""
        texts: list[Found] = []
        group: list[Found] = []  # overlapping ones
        for match in self._texts.finditer(text):
            one = self._found(match)
            if group and one.start >= max(other.end for other in group):
                texts += _longest(group)
                group = []
            group.append(one)
        texts += _longest(group)
        inside = {position for one in texts for position in range(one.start, one.end)}
        letters = map(_letter, self._letters.finditer(text))
        return texts, [one for one in letters if one.start not in inside and one.end - 1 not in inside]

    def _found(self, match: re.Match[str]) -> Found:
        name = match.lastgroup or ""
        return Found(self._indices[name], match.start(name), match.end(name), False)


@lru_cache(maxsize=4096)
def options_of(choices: tuple[str, ...]) -> Options:
    """The options of a question, compiled once."""
    return Options(choices)


def plain(text: str) -> str:
    """Number words as digits, plain quotes, no markup, no numbers of a list; the same for responses and options."""
    if not text.isascii():
        text = _CHINESE.sub(" ", unicodedata.normalize("NFKC", text).translate(_PLAIN))
    text = _NUMBER.sub(lambda match: str(_NUMBERS.index(match[0].lower())), _MARKUP.sub(" ", text))
    if "\n" in text and len(_ENUMERATOR.findall(text)) > 1:
        text = _ENUMERATOR.sub("", text)
    return text.strip()


def _longest(group: list[Found]) -> Iterator[Found]:
    kept: list[Found] = []
    for one in sorted(group, key=lambda found: found.start - found.end):
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
            yield one


def _letter(match: re.Match[str]) -> Found:
    index = ascii_uppercase.index(match[match.lastindex or 0].upper())
    return Found(frozenset({index}), match.start(), match.end(), True)


def _letter_patterns(letters: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Patterns of a letter anywhere, where a statement begins, and after a cue; the last group is the letter."""
    words = "".join(letter for letter in letters if letter in "AI")
    others = "".join(letter for letter in letters if letter not in "AI") or words
    upper = rf"(?:[{others}]|[{words}]{_ALONE})(?!\w|'\w|-(?!\d))"
    marked = rf"[(\[]\s*([{letters}{letters.lower()}])\s*[)\]]"
    small = rf"([{letters.lower()}])(?=\s*$|\s+\d|[.):,](?!\w))"
    return (
        re.compile(
            rf"(?<!\w){marked}|\b(?i:option|choice|letter)\s+([{letters}{letters.lower()}])\b(?!['-])"
            rf"|(?<![\w-])(?<!\w')(?<!\bN/)({upper})"
        ),
        re.compile(rf"{marked}|({upper})|{small}"),
        re.compile(rf"{marked}|({upper})|{small}|([{others.lower()}])(?!\w|\.\w|['-])"),
    )


def _key(text: str) -> str:
    return re.sub(r"\s+|(?<=\w)-(?=\w)", " ", text.strip()).lower()


def _text_pattern(key: str) -> str:
    """A pattern of an option text at word boundaries; 3 is not in 3.5, 3-4 or 3%, and "no car" is not no."""
    if len(key) == 1 and key.isascii() and key.isalpha():
        return rf"(?<!\w)(?-i:{key.upper()})(?![\w'-])" + (_ALONE if key in "ai" else "")
    start = r"(?<![\w-])(?<!\d[.,])" if key[0].isdigit() else r"(?<!\w)" if key[0].isalpha() else ""
    end = r"(?!\w|[.,]\d|-\d|\s?%)" if key[-1].isdigit() else r"(?!\w)" if key[-1].isalpha() else ""
    if key == "no":
        end += r"(?!\s+\w)"
    return start + r"[\s-]+".join(re.escape(word) for word in key.split(" ")) + end
