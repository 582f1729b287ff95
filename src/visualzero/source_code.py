"""What of a Python file can change what it does (not its comments, docstrings and blank lines), and what it imports.

Read with regular expressions, since every start of Snakemake and of a job waits for it: `tokenize` and `ast` take five
times as long.
"""

import re
from collections.abc import Iterator
from functools import cache

# A string, which may be one of several lines, or a comment: whichever begins first.
STRING_OR_COMMENT = re.compile(
    r"""(?:\b[bfru]{1,2})?(?:
        \"{3} [^"\\]* (?: (?: \\. | "(?!"") ) [^"\\]* )* \"{3}
      | '{3}  [^'\\]* (?: (?: \\. | '(?!'') ) [^'\\]* )* '{3}
      | " (?: [^"\\\n] | \\. )* "
      | ' (?: [^'\\\n] | \\. )* '
    ) | \#[^\n]*""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
PUT_ASIDE = re.compile(r"\0(\d+)\0")  # the place of a string; no Python file has the character 0
NOTHING_BUT_ONE = re.compile(r"\s*\0(\d+)\0\s*")
IMPORT = re.compile(r"(?:^|[:;])[ \t]*(?:from\s+(\w[\w.]*)\s+import\b|import\b)\s*(\([^)]*\)|[^\n;]*)", re.MULTILINE)


def code_of(source: str) -> str:
    """`source` without comments, without statements that are only a string (docstrings), and without blank lines.

    The rest stays as it is written, so that every version of Python gives the same. A file that reads `__doc__` stays
    whole, and so does one in which a string may have its own quotes inside, as f-strings may from Python 3.12 on.
    """
    text, strings = _without_strings(source)
    if "__doc__" in source or not text:
        return source
    kept = []
    depth, goes_on = 0, False  # of brackets, and by a backslash: there a line is no statement
    for line in map(str.rstrip, text.split("\n")):
        alone = NOTHING_BUT_ONE.fullmatch(line)
        docstring = alone and not depth and not goes_on and "f" not in strings[int(alone[1])][:2].lower()
        if line and not docstring:
            kept.append(line)
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        goes_on = line.endswith("\\")
    return PUT_ASIDE.sub(lambda place: strings[int(place[1])], "\n".join(kept))


def imports_of(source: str) -> Iterator[str]:
    """Dotted names that a file imports by their whole path, at any depth of it; one may be no module."""
    text = _without_strings(source)[0] or source
    for module, imported in IMPORT.findall(text.replace("\\\n", " ")):
        names = [one.split()[0] for one in imported.strip("()").split(",") if one.strip()]
        if module:
            yield module
        yield from (f"{module}.{name}" if module else name for name in names)


@cache  # for both of the above
def _without_strings(source: str) -> tuple[str, list[str]]:
    """`source` without comments and with the place of each string in its stead, and these strings.

    Nothing where an f-string has a brace without its other one, since it may go on behind what looks like its end.
    """
    strings: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        if found[0].startswith("#"):
            return ""
        strings.append(found[0])
        return f"\0{len(strings) - 1}\0"

    text = STRING_OR_COMMENT.sub(put_aside, source)
    certain = all(one.count("{") == one.count("}") for one in strings if "f" in one[:2].lower())
    return (text, strings) if certain else ("", [])
