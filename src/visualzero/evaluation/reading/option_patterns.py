"""Patterns of an option's text and of the options' letters. This module imports nothing of the project."""

import re
from collections.abc import Collection

# "A" and "I" are words rather than letters unless something other than a noun, or for "I" a verb, follows.
_AFTER_A = (
    r"on|in|at|of|for|with|from|to|which|that|where|but|so|does|can|would|should|must|could|might|may|more|most|better|best"
    r"|if|since|as|corresponds|matches|aligns|fits|shows|lies"
)
ALONE = (
    r"(?=\s*(?:$|[.,;:!?()\]\"'/&|+=-]|\s(?:[^\x00-\x7f]|\d|[B-Z]\b|(?i:is|was|and|or|appears|seems|looks|than|has|because|rather|instead"
    r"|not)\b)))"
)
ALONE_A = ALONE[:-2] + rf"|\s(?i:{_AFTER_A})\b))"
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # Thai to Hangul
# What may follow an option that doesn't end a word: particles and verbs.
_PARTICLES = (
    r"[\u662f\u66f4\u6bd4\u5728\u79bb\u8ddd\u6700\u7684\u548c\u6216\u5417\u88ab\u8f83]"  # Chinese
    r"|[\u304c\u306f\u306e\u3092\u306b\u3067\u3060\u3068\u3082\u3088]"  # Japanese
    r"|[\uac00\uc774\uc740\ub294\uc744\ub97c\uc640\uacfc\uc758\ub3c4\uc785\uc608]|\ubcf4\ub2e4"  # Korean
    r"|\u0e04\u0e37\u0e2d|\u0e2d\u0e22\u0e39\u0e48|\u0e43\u0e01\u0e25\u0e49"
    r"|\u0e40\u0e1b\u0e47\u0e19|\u0e17\u0e35\u0e48|\u0e44\u0e01\u0e25"  # Thai
)
_UNITS = r"[mck]?m|ft|in|k?g|\u00b0|%"
_QUANTITY = re.compile(r"(-?\d+(?:\.\d+)?)( ?[a-z\u00b0%]{1,3})")


def text_pattern(key: str, keys: Collection[str], plural: bool = False) -> str:
    """A pattern of an option text at word boundaries; 3 is not in 3.5, 3-4, 2:3 or 3%, and "no car" is not no.

    With `plural` it may end in an "s", as in "the second and third images".
    """
    if len(key) == 1 and key.isascii() and key.isalpha():
        return rf"(?<![\w'\u00b0-])(?-i:[{key}{key.upper()}])(?![\w'-])" + {"a": ALONE_A, "i": ALONE}.get(key, "")
    return _start(key) + _middle(key, keys) + ("s?" if plural else "") + _end(key)


def letter_patterns(letters: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of a letter anywhere, and where a statement begins; the last group is the letter."""
    others = "".join(letter for letter in letters if letter not in "AI")
    upper = rf"(?:[{others}]|A{ALONE_A}{f'|I{ALONE}' if 'I' in letters else ''})(?!\w|'\w|-(?!\d))"
    marked = rf"[(\[]\s{{0,2}}([{letters}{letters.lower()}])\s{{0,2}}[)\]]"
    small = rf"([{letters.lower()}])(?=\s*$|(?<!a)\s+\d|[.):,](?!\w))"
    return (
        re.compile(
            rf"(?<!\w){marked}|\b(?i:option|choice|letter)\s{{1,3}}([{letters}{letters.lower()}])\b(?!['-])"
            rf"|(?<![\w\u00b0-])(?<!\w')(?<!\bN/)({upper})"
        ),
        re.compile(rf"{marked}|({upper})|{small}|([{others.lower()}])(?!\w|\.\w|['-])"),
    )


def _start(key: str) -> str:
    if key[0].isdigit():
        return r"(?<![\w\u00b1-])(?<!\d[.,:/])(?<!\d : )"
    if key[0] == "-":
        return r"(?<![\w)])"
    if re.match(rf"[{_UNSPACED}]", key):
        return ""
    return r"(?<!\w)(?<!\w[-'])" if key[0].isalpha() else ""


def _middle(key: str, keys: Collection[str]) -> str:
    quantity = _QUANTITY.fullmatch(key)
    if quantity and _only_number(quantity[1], keys):
        unit = quantity[2].strip()
        return rf"{re.escape(quantity[1])}(?:[ -]?{re.escape(unit)}|(?![ -]?(?:{_UNITS})(?!\w)))"
    words = r"[\s-]+".join(re.escape(word) for word in key.split(" "))
    return re.sub(r"([,:])", r"\\s?\1\\s?", words)


def _only_number(number: str, keys: Collection[str]) -> bool:
    """Whether all options are quantities of different numbers, so that the number alone tells which one is meant."""
    found = [_QUANTITY.fullmatch(key) for key in keys]
    numbers = [one[1] for one in found if one]
    return len(numbers) == len(keys) == len(set(numbers)) and number in numbers


def _end(key: str) -> str:
    if key[-1].isdigit():
        return r"(?!\w|[.,]\d|-\d|\s?%|[:/]\d| : \d)"
    if re.match(rf"[{_UNSPACED}]", key[-1]):
        return rf"(?:(?![{_UNSPACED}\w])|(?={_PARTICLES}))"
    if key == "no":
        return r"(?!\w|\s+\w)"
    if key == "right":
        return r"(?!\w|\s+(?:answer|choice|option)s?\b)"
    if _QUANTITY.fullmatch(key):
        return r"(?!\w|[.,]\d|-\d)"
    return r"(?!\w)" if key[-1].isalpha() else ""
