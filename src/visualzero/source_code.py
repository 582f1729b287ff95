"""What of a Python file can change what it does: not its comments, docstrings and blank lines."""

import io
import tokenize
from itertools import pairwise

IGNORED = {tokenize.COMMENT, tokenize.NL}
BEFORE_STATEMENT = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def code_of(source: str) -> str:
    """`source` without comments, without statements that are only a string (docstrings), and without blank lines.

    The rest stays as it is written, so that every version of Python gives the same. A file that reads `__doc__` stays
    whole.

    Raises:
        tokenize.TokenError, SyntaxError: if it isn't Python.
    """
    if "__doc__" in source:
        return source
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    lines = source.split("\n")
    inside: set[int] = set()  # lines that begin inside a string, where every character counts
    for token in tokens:
        inside.update(range(token.start[0] + 1, token.end[0] + 1))
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    statements = [token for token in tokens if token.type not in IGNORED]
    docstrings: set[int] = set()
    before = tokenize.NEWLINE
    for token, after in pairwise(statements):
        alone = before in BEFORE_STATEMENT and after.type == tokenize.NEWLINE
        if token.type == tokenize.STRING and alone and token.string[0] not in "fF":
            docstrings.update(range(token.start[0], token.end[0] + 1))
        before = token.type
    kept = [
        line if row in inside else line.rstrip()
        for row, line in enumerate(lines, start=1)
        if row not in docstrings and (row in inside or line.strip())
    ]
    return "\n".join(kept)
