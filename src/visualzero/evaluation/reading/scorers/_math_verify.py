r"""What math-verify 0.5.2 finds in a text when it may be LaTeX, an expression or one of some strings.

A re-implementation of `math_verify.parse` (huggingface/Math-Verify, parser.py of the release 0.5.2), since the library
needs another version of antlr4 than DVC does. Of what `parse` returns only the strings are here: `math_verify.verify`
never takes a number or a formula for equal to a string, so no value is computed.

How `parse` searches: patterns in order of priority ("final answer is" 0 and 50, boxed LaTeX 50, "answer:" 100, "answer"
200, a string at the very start 250, anything anywhere 300); of a priority's matches the one that ends last, whatever it
is, provided that it can be parsed. Strings are case-sensitive, and end at a blank or one of ".,:".

What differs: an expression counts as parsed if it is one in Python, and LaTeX always does; of its normalization only
what can lead to an option's text is done. And where `parse` gives up after seconds and finds nothing, here the work is
bounded: of a long text the end is read, and an expression or a formula that goes on and on is none.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple


class _Read(NamedTuple):
    """A match, read: whether it can be parsed, the value if that is a string, and its text (the "fallback")."""

    parsed: bool
    value: str
    text: str


TEXT = 8192  # characters that are read, the last ones: twice what the paper's 1,024 tokens come to
FORMULA = 300  # characters of one formula
EXPRESSION = 100  # characters of an expression on either side of an operator

_Match = re.Match[str]
_Patterns = dict[int, list[re.Pattern[str]]]  # by priority


def strings_found(text: str, strings: tuple[str, ...]) -> set[str]:
    """The strings that `math_verify.parse(text, [LaTeX, expressions, strings])` returns: at most a value and a text."""
    text = text[-TEXT:]
    first = ""
    kinds = list(_kinds(text, strings))
    for priority in (0, 50, 100, 200, 250, 300):
        matches = [
            (match, read)
            for patterns, read in kinds
            for pattern in patterns.get(priority, [])
            for match in pattern.finditer(text)
        ]
        matches.sort(key=lambda found: (found[0].end(), -found[0].start()), reverse=True)
        for match, read in matches:
            found = read(match)
            first = first or found.text
            if found.parsed:
                return {found.value, first} - {""}
    return {first} - {""}


def _kinds(text: str, strings: tuple[str, ...]) -> Iterator[tuple[_Patterns, Callable[[_Match], _Read]]]:
    """The patterns that can match in a text, and what reads their matches; of equal matches the earlier kind's wins."""
    if any(sign in text for sign in "$\\["):
        yield _LATEX, _read_latex
    if re.search(r"\d", text):
        yield _EXPRESSIONS, _read_expression
    yield _string_patterns(strings), _read_string


def _compiled(patterns: dict[int, list[str]], flags: re.RegexFlag = re.NOFLAG) -> _Patterns:
    return {priority: [re.compile(one, flags) for one in some] for priority, some in patterns.items()}


# Strings


@lru_cache(maxsize=4096)
def _string_patterns(strings: tuple[str, ...]) -> _Patterns:
    string = f"(?P<string>{'|'.join(map(re.escape, strings))})"
    end = r"(?:\*\*)?(?:[.,:\s]|$)"
    whole = rf"(?:^|\s)(?:\*\*)?{string}{end}"
    return _compiled(
        {
            0: [rf"(?i:final answer is):?\s*{string}\.?\s?I hope"],
            50: [rf"(?i:final answer.{{0,100}}?)\s+is:?\s*{string}"],
            100: [rf"(?i:answer):.{{0,50}}?{whole}"],
            200: [rf"(?i:answer).{{0,50}}?{whole}"],
            250: [rf"^(?:\*\*)?{string}{end}"],
            300: [whole],
        }
    )


def _read_string(match: _Match) -> _Read:
    return _Read(True, match["string"].lower(), match["string"])


# Numbers and expressions

_NUMBER = (
    r"(?:(?P<integer1>-?\d{1,3}(?:[ ,]\d{3})+)(?P<decimal1>\.\d+)?|(?P<integer2>-?\d+)(?P<decimal2>[.,]\d+)"
    r"|(?P<decimal3>\.\d+)|(?P<integer3>-?\d+))(?:\s*(?:%|[Pp]ercent|\s*[Pp]ercentage|\s*[Pp]ct))?"
)
_OPERATORS = r"+\-*\xd7/^()\xf7"
_SYMBOLS = rf"[\d.\s{_OPERATORS}]"
_START = r"(?:^|\s|=)(?:\*\*)?"
_LEFT, _RIGHT = rf"{_SYMBOLS}{{0,{EXPRESSION}}}", rf"{_SYMBOLS}{{1,{EXPRESSION}}}"
_EXPRESSION = rf"(?:{_START}(?P<expression>-?\(?-?\d{_LEFT}[{_OPERATORS}]{_RIGHT}\)?)(?:\*\*)?(?:[.,:\s)$]|$))"
_PLAIN_NUMBER = rf"(?:{_START}[$€£¥₹₽₪₩₫฿₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₴₵₶₷₸₹₺₻₼₽₾₿]?{_NUMBER})"
_EITHER = rf"(?:{_EXPRESSION}|{_PLAIN_NUMBER})"
_EXPRESSIONS = _compiled(
    {
        0: [rf"(?i:final answer is):?\s*{_EITHER}\.?\s?I hope"],
        50: [rf"(?i:final answer.{{0,100}}?)\s+is:?{_EITHER}"],
        100: [rf"(?i:answer):(?:.{{0,100}}=\s*|.{{0,50}}?){_EITHER}(?!\s*=)"],
        200: [rf"(?i:answer)(?:.{{0,100}}=\s*|.{{0,50}}?){_EITHER}(?!\s*=)"],
        300: [_EXPRESSION, _PLAIN_NUMBER],
    }
)


def _read_expression(match: _Match) -> _Read:
    groups = match.groupdict("")
    integer = "".join(groups.get(f"integer{number}", "") for number in (1, 2, 3))
    decimal = "".join(groups.get(f"decimal{number}", "") for number in (1, 2, 3))
    if integer or decimal:
        integer = integer.replace(",", "").replace(" ", "").lstrip("0") or "0"
        return _Read(True, "", integer + decimal.replace(",", "."))
    expression = groups["expression"]
    return _Read(_is_expression(expression), "", expression)


def _is_expression(text: str) -> bool:
    """Whether SymPy's parser takes it; "2 (3)" would be a call of a number."""
    try:
        tree = ast.parse(text.replace("\n", " ").replace("^", "**").strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return not any(isinstance(node, ast.Call) for node in ast.walk(tree))


# LaTeX: up to six environments in a row, joined by "and", "or" or a comma

_ENVIRONMENTS = (  # how one opens, a character in it, how it closes; no character in it can begin what closes it
    (r"(?<!\\)\$\$", r"(?:[^$]|\$(?!\$))", r"(?<!\\)\$\$"),
    (r"(?<!\\)\\\[", r"(?:[^\\]|\\(?!\]))", r"(?<!\\)\\\]"),
    (r"(?<!\\|\d)\$", r"(?:\\[$]|[^\n$])", r"(?<!\\)\$"),
    (r"(?<!\\)\\\(", r"(?:[^\\\n]|\\(?!\)))", r"(?<!\\)\\\)"),
    (r"\s\[", r"[^\n\]\[]", r"\]\s"),
)


def _environments(content: str, also: str = "") -> str:
    """A pattern of environments with what is in each of them in a group; X in `content` is a character."""
    kinds = [f"{start}({content.replace('X', character)}){end}" for start, character, end in _ENVIRONMENTS]
    one = rf"(?:(?:{'|'.join(kinds)}{also})\s*(?:\\?%|[Pp]ercent|[Pp]ercentage|[Pp]ct)?)"
    return rf"(?:{one}" + rf"(?:\s*(?:and|or|,)\s*{one})?" * 5 + ")"


_ANY = _environments(rf"X{{1,{FORMULA}}}+", also=r"|(-?\\frac{-?\d+(?:[.,]\d+)?}{-?\d+(?:[.,]\d+)?})")
_UP_TO = rf"X{{0,{FORMULA}}}"
_BOXED = _environments(rf"(?>{_UP_TO}?\\boxed{{)(?>X{{1,{FORMULA}}}?}}){_UP_TO}+")
_LATEX = _compiled(
    {
        0: [rf"(?i:final answer is):?\s*{_ANY}\.?\s?I hope"],
        50: [rf"(?i:final answer.{{0,100}}?)\s+is:?\s*{_ANY}", _BOXED, r"(?P<boxed>\\boxed{.+})"],
        100: [rf"(?i:answer):.{{0,50}}?{_ANY}"],
        200: [rf"(?i:answer).{{0,50}}?{_ANY}"],
        300: [_ANY],
    },
    re.DOTALL,
)
_IGNORED = re.compile(r"\\!\s*|\\\$|\$|(?<!\\)[\"']|\\displaystyle")
_UNIT = re.compile(r"(?<=.)\\(?:text|mbox){[^{}]*}$", re.DOTALL)


def _read_latex(match: _Match) -> _Read:
    only_last = bool(match.groupdict().get("boxed"))
    texts = [_normalized(content, only_last) for content in match.groups() if content]
    return _Read(any(texts), "", " and ".join(texts))


def _normalized(latex: str, only_last: bool) -> str:
    text = _IGNORED.sub("", _unboxed(latex, only_last)).replace("\n", " ").strip()
    return _UNIT.sub("", text).strip()


def _unboxed(text: str, only_last: bool) -> str:
    r"""The contents of all `\boxed{}`, joined by commas, or of the last ones with nothing but a comma in between."""
    contents: list[str] = []
    end = len(text)
    while (start := text.rfind(r"\boxed{", 0, end)) >= 0:
        opened, close = 1, start + len(r"\boxed{")
        while close < end and (opened := opened + {"{": 1, "}": -1}.get(text[close], 0)):
            close += 1
        if close == end:
            break
        if only_last and contents and not re.fullmatch(r"\s*(?:and|or|,)\s*", text[close + 1 : end]):
            break
        contents.append(text[start + len(r"\boxed{") : close].strip())
        end = start
    return ",".join(reversed(contents)) if contents else text
