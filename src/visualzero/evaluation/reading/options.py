"""What the options of a question look like in a text: as a letter, as the option's own text, or as both.

Texts are found whatever their case, at word boundaries, or in scripts without blanks at the end of a word; of texts
that overlap the longest counts ("large red cube" over "red cube"). Letters are "(B)", "(b)", "option B", and an
upper-case letter that stands alone; a letter beyond the last option is no letter, and the article "a" is no option. A
letter with its text, "(B) desk" or "desk (B)", is one mention; one that disagrees with its text is a conflict.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from string import ascii_uppercase
from typing import NamedTuple

from visualzero.evaluation.reading.alike import folded
from visualzero.evaluation.reading.option_patterns import letter_patterns, text_pattern
from visualzero.evaluation.reading.plain import plain, steps_for
from visualzero.evaluation.reading.shortened import variants

_ARTICLE = re.compile(r"^(?:the|an?) (?=\w)")
_EDGES = " \t\n.,;:!?\"'()[]"
_PAIR = re.compile(  # between a letter and its text; "B. The desk is" is two sentences
    r"[\s.):\]=,\"'*-]{0,6}[\s\"'(]{0,3}(?:(?<!\.\s)(?:the|an?|it is|it's|there (?:is|are))\s+)?[\"']?", re.IGNORECASE
)
_BEGINS = re.compile(r"(?:^|[^a-z\s,]|\b(?:is|be|option|choice|choose|pick|say))[\s(*\"']{0,4}$", re.IGNORECASE)
_LABEL = re.compile(r"[\s,:\"']{0,4}[(\[]?(?:option|choice|answer)?\s?", re.IGNORECASE)  # between a text and its letter


class Mention(NamedTuple):
    """A piece of text [start, end) that names an option, by its letter, its text or both.

    `options` (indices) are several where one text is that of several, or a letter also an option's text; `conflict`: a
    letter and a text that disagree.
    """

    start: int
    end: int
    options: frozenset[int]
    conflict: bool = False

    @property
    def one(self) -> int | None:
        """The option, if it is a single one."""
        return None if len(self.options) != 1 else next(iter(self.options))


class _Found(NamedTuple):
    start: int
    end: int
    by_letter: frozenset[int]
    by_text: frozenset[int]


class Options:
    """The options of one question, ready to be looked for."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        self._steps = steps_for(choices)
        self._letters = ascii_uppercase[: len(choices)]
        self.n = len(choices)
        self._folded: dict[str, set[int]] = {}
        keys: dict[str, set[int]] = {}
        texts = [plain(choice, self._steps) for choice in choices]
        bare = [text.strip(_EDGES) for text in texts]
        apart = len({_key(text) for text in bare}) == len({_key(text) for text in texts}) and all(bare)
        keyed = [_key(text) for text in (bare if apart else texts)]
        without_article = [_ARTICLE.sub("", key) for key in keyed]
        if len(set(without_article)) == len(set(keyed)):
            keyed = without_article
        for index, choice in enumerate(choices):
            key = keyed[index]
            keys.setdefault(key, set()).add(index)
            self._folded.setdefault(folded(choice), set()).add(index)
        self._keys = keys
        self._variants, self._shortened = variants(list(keys))
        ordered = sorted((key for key in keys if key), key=len, reverse=True)
        self._indices = {f"o{number}": frozenset(keys[key]) for number, key in enumerate(ordered)}
        named = [
            f"(?P<o{number}>{text_pattern(key, keys, bool(self._variants))})" for number, key in enumerate(ordered)
        ]
        self._texts = re.compile(f"(?={'|'.join(named) or '(?!)'})", re.IGNORECASE)  # finds overlapping ones too
        self._letter, self._first = letter_patterns(self._letters)
        self.numbers = all(re.fullmatch(r"-?\d+(?:\.\d+)?", key) for key in keys)
        self.zero = next(iter(keys["0"])) if len(keys.get("0", ())) == 1 else None

    def plain(self, text: str) -> str:
        """A response as it is read beside these options."""
        return plain(text, self._steps)

    def exactly(self, text: str) -> frozenset[int]:
        """The options whose text, or letter, is the whole text."""
        key = folded(text)
        whole = self._folded.get(key, set())
        letter = key.strip("()[]. ").upper()
        if whole and len(letter) == 1 and letter in self._letters:
            return frozenset(whole) | {self._letters.index(letter)}
        return frozenset(whole)

    def first_at(self, text: str, start: int) -> Mention | None:
        """The mention at `start`, if one begins there; there "b" and "b)" are letters, too."""
        first = self._text_at(text, start) or self._letter_at(text, start)
        if first is None:
            return None
        gap = (_PAIR if first.by_letter else _LABEL).match(text, first.end)
        find = self._text_at if first.by_letter else self._label_at
        ends = range(gap.end(), first.end - 1, -1) if gap else ()  # what follows may begin with what the gap took
        return _joined(first, next((one for end in ends if (one := find(text, end))), None))

    def mentions(self, text: str) -> list[Mention]:
        """All mentions of options in a text, in order."""
        found = self._all(text)
        mentions: list[Mention] = []
        index = 0
        while index < len(found):
            one = found[index]
            after = found[index + 1] if index + 1 < len(found) else None
            if after and self._belong(text, one, after):
                mentions.append(_joined(one, after))
                index += 2
            else:
                mentions.append(_joined(one))
                index += 1
        return [self._with_shortened(text, one) for one in mentions]

    def _with_shortened(self, text: str, mention: Mention) -> Mention:
        """A mention with those before it that share its last words: "the second or the third image" names two."""
        options, start = set(mention.options), mention.start
        while before := self._shortened.search(text[max(0, start - 40) : start]):
            options |= self._keys[self._variants[before[1].casefold()]]
            start -= before.end() - before.start()
        return mention._replace(options=frozenset(options))

    def lettered(self, text: str, start: int, after: int) -> bool:
        """Whether the letter at `start` with its full stop belongs to an option text at `after`, as in "B. left".

        In "A, B and C. Left ..." another sentence begins there.
        """
        value = self._text_at(text, after)
        letter = text[start].upper()
        begins = _BEGINS.search(text, max(0, start - 12), start)
        return value is not None and letter in self._letters and begins is not None

    def _belong(self, text: str, one: _Found, after: _Found) -> bool:
        """Whether two neighbours are a letter and its text."""
        if one.by_letter and after.by_text:
            pair = _PAIR.fullmatch(text, one.end, after.start)
            agree = bool(one.by_letter & after.by_text)
            return pair is not None and (agree or "." not in pair[0] or self.lettered(text, one.start, after.start))
        return bool(one.by_text and after.by_letter and _LABEL.fullmatch(text, one.end, after.start))

    def _text_at(self, text: str, start: int) -> _Found | None:
        match = self._texts.match(text, start)
        return self._as_text(match) if match else None

    def _label_at(self, text: str, start: int) -> _Found | None:
        match = self._letter.match(text, start)
        return self._as_letter(match) if match else None

    def _letter_at(self, text: str, start: int) -> _Found | None:
        match = self._first.match(text, start)
        return self._as_letter(match) if match else None

    def _all(self, text: str) -> list[_Found]:
        """All option texts, and all letters outside them, in order."""
        texts: list[_Found] = []
        group: list[_Found] = []  # overlapping ones
        reach = 0
        for match in self._texts.finditer(text):
            one = self._as_text(match)
            if one.start >= reach:
                texts += _longest(group)
                group = []
            group.append(one)
            reach = max(reach, one.end)
        texts += _longest(group)
        covered = bytearray(len(text) + 1)
        for one in texts:
            covered[one.start : one.end] = b"\1" * (one.end - one.start)
        letters = [self._as_letter(match) for match in self._letter.finditer(text)]
        return sorted([*texts, *(one for one in letters if not covered[one.start] and not covered[one.end - 1])])

    def _as_text(self, match: re.Match[str]) -> _Found:
        name = match.lastgroup or ""
        start, end = match.span(name)
        letter = match[name].upper()
        also = {self._letters.index(letter)} if len(letter) == 1 and letter in self._letters else set()
        return _Found(start, end, frozenset(also), self._indices[name])

    def _as_letter(self, match: re.Match[str]) -> _Found:
        letter = match[match.lastindex or 0].upper()
        index = self._letters.index(letter)
        return _Found(match.start(), match.end(), frozenset({index}), frozenset(self._keys.get(letter.lower(), ())))


@lru_cache(maxsize=4096)
def options_of(choices: tuple[str, ...]) -> Options:
    """The options of a question, compiled once."""
    return Options(choices)


def _joined(one: _Found, after: _Found | None = None) -> Mention:
    if after is None:
        return Mention(one.start, one.end, one.by_letter | one.by_text)
    if both := one.by_letter & after.by_text or one.by_text & after.by_letter:
        return Mention(one.start, after.end, both)
    everything = one.by_letter | one.by_text | after.by_letter | after.by_text
    return Mention(one.start, after.end, everything, conflict=True)


def _longest(group: list[_Found]) -> Iterator[_Found]:
    """Of overlapping ones the longest, then those that don't overlap it, and so on."""
    kept: list[_Found] = []
    for one in sorted(group, key=lambda found: (found.start - found.end, found.start)):
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
            yield one


def _key(text: str) -> str:
    return re.sub(r"\s+|(?<=\w)-(?=\w)", " ", text.strip()).casefold()
