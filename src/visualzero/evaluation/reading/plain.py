r"""A text as its readers see it: the steps that leave out what doesn't tell options apart.

Each step is applied to options and responses alike, unless it makes two options the same: markup goes, but not `*`
where the options are `*` and `+`. This module imports nothing of the project but `alike.py`.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence

from visualzero.evaluation.reading.alike import digits, signs

Step = Callable[[str], str]

_TAGS = re.compile(r"</?[a-zA-Z|!][^<>\n]{0,160}>")
_LATEX = re.compile(
    r"\\(?:text|textbf|textit|mathrm|mathbf|operatorname|left|right|displaystyle|quad|[,;! ])(?![a-z])|\\[()\[\]]|[${}]"
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\b")
_EMPHASIS = re.compile(
    r"\*\*+|(?<![\w*])\*(?=[\w(\"'])|(?<=[\w.:)!?\"'])\*(?![\w*])|`|(?<!\w)__?(?=\w)|(?<=[\w.:)])__?(?!\w)"
)
_ENUMERATOR = re.compile(r"^[ \t]{0,20}\d{1,3}[.)][ \t]{1,20}(?=\S)", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,20}(?:#{1,6}|[-+*\u2022>])[ \t]{1,20}(?=\S)", re.MULTILINE)
_PUNCTUATION = str.maketrans("\u3002\u3001\u3010\u3011\u300c\u300d\u3008\u3009", '.,[]""""')
_DECIMALS = re.compile(r"(?<![\w.,:])(\d{1,15})\.0{1,15}(?![\d.]*\d)")
_UNITS = (
    ("\u00b0", r"\s?(?:degrees?|deg|\u00b0|\\?\^\s?\\?(?:circ|o)\b)"),
    (" m", r"\s?(?:met(?:er|re)s?|m)"),
    (" cm", r"\s?(?:centimet(?:er|re)s?|cm)"),
    (" mm", r"\s?(?:millimet(?:er|re)s?|mm)"),
    (" km", r"\s?(?:kilomet(?:er|re)s?|km)"),
    (" ft", r"\s?(?:foot|feet|ft)"),
    (" in", r"\s?(?:inch(?:es)?)"),
    (" kg", r"\s?(?:kilograms?|kilos?|kg)"),
    (" g", r"\s?(?:grams?|g)"),
    (" %", r"\s?(?:percent|per cent|%)"),
)
_UNIT = re.compile("|".join(rf"(?<=\d)(?P<u{i}>{unit})(?!\w)" for i, (_, unit) in enumerate(_UNITS)), re.IGNORECASE)
_CHINESE = re.compile(
    r"(?<=[\u3040-\u30ff\u4e00-\u9fff])(?=[A-Za-z\d])|(?<=[A-Za-z\d])(?=[\u3040-\u30ff\u4e00-\u9fff])"
)


def compatible(text: str) -> str:
    """Wide and styled characters as usual ones, CJK punctuation as ours, a blank between CJK and Latin letters."""
    if text.isascii():
        return text
    return _CHINESE.sub(" ", unicodedata.normalize("NFKC", text.translate(_PUNCTUATION)).translate(_PUNCTUATION))


def without_tags(text: str) -> str:
    """No HTML tags nor special tokens."""
    return _TAGS.sub(" ", text) if "<" in text else text


def without_latex(text: str) -> str:
    r"""No LaTeX but `\boxed`, which announces an answer."""
    return _LATEX.sub(" ", text) if "\\" in text or "$" in text or "{" in text or "}" in text else text


def unboxed(text: str) -> str:
    r"""`\boxed` as words that announce an answer."""
    return _BOXED.sub("\n\\\\boxed:", text) if "\\" in text else text


def without_emphasis(text: str) -> str:
    """No Markdown emphasis nor code."""
    return _EMPHASIS.sub(" ", text) if any(sign in text for sign in "*`_") else text


def without_bullets(text: str) -> str:
    """No headings, quotes and bullets."""
    return _HEADING.sub("", text)


def without_enumerators(text: str) -> str:
    """No numbers of a list's items, where there are several."""
    return _ENUMERATOR.sub("", text) if "\n" in text and len(_ENUMERATOR.findall(text)) > 1 else text


def whole_numbers(text: str) -> str:
    """3.0 as 3."""
    return _DECIMALS.sub(r"\1", text) if ".0" in text else text


def units(text: str) -> str:
    """Units behind numbers, each in one form: "45 degrees" as 45°."""
    return _UNIT.sub(lambda match: _UNITS[int((match.lastgroup or "u0")[1:])][0], text)


STEPS: tuple[Step, ...] = (
    signs,
    without_tags,
    unboxed,
    without_latex,
    without_emphasis,
    without_bullets,
    without_enumerators,
    compatible,
    digits,
    whole_numbers,
    units,
)


def steps_for(choices: Sequence[str]) -> tuple[Step, ...]:
    """The steps that keep these options apart, and leave something of each."""
    kept: list[Step] = []
    texts = list(choices)
    for step in STEPS:
        after = [" ".join(step(text).split()) for text in texts]
        in_a_line = [step(f"{text} x") for text in texts]
        if min(_distinct(after), _distinct(in_a_line)) >= _distinct(texts) and all(after):
            kept.append(step)
            texts = after
    return tuple(kept)


def _distinct(texts: Sequence[str]) -> int:
    return len({text.casefold() for text in texts})


def plain(text: str, steps: Sequence[Step] = STEPS) -> str:
    """A text after these steps."""
    for step in steps:
        text = step(text)
    return text.strip()
