"""What counts as code: everything but comments, docstrings and blank lines."""

import ast
from pathlib import Path

import pytest

from visualzero.source_code import code_of, imports_of

SOURCES = sorted((Path(__file__).parents[1] / "src").rglob("*.py"))

PLAIN = '''def double(x):
    text = """a  # no comment

    b"""
    return text * 2
class Empty:
    pass'''
WORDY = '''"""A module.

With a paragraph.
"""

# Why it is here.


def double(x):  # a trailing comment
    """A docstring."""

    text = """a  # no comment

    b"""
    # Between statements.
    return text * 2   


class Empty:
    """Nothing,

    in several lines.
    """  # and why

    pass
'''  # noqa: W291 the space after a statement belongs to the test


def test_comments_docstrings_and_blank_lines_go() -> None:
    assert code_of(WORDY) == PLAIN == code_of(PLAIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a  # no comment", "a  # another"),
        ("\n\n    b", "\n\n\n    b"),
        ("    return text", "    text = 1\n    return text"),
        ("* 2", "* 3"),
        ("    return text * 2", "return text * 2"),
        ("text * 2", "text * 2; 'not alone'"),
    ],
)
def test_what_a_program_can_tell_stays(old: str, new: str) -> None:
    assert code_of(WORDY.replace(old, new)) != code_of(WORDY)


def test_a_program_that_reads_its_docstring_keeps_it() -> None:
    source = '"""Told to users."""\nprint(__doc__)\n'
    assert code_of(source) == source


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("x = '#'  # a comment with '\n", "x = '#'"),
        ('x = "\\"#"\n', 'x = "\\"#"'),
        ("x = r'\\\\'  # it's raw\n", "x = r'\\\\'"),
        ("x = [\n    'a',\n    'b'\n]\n", "x = [\n    'a',\n    'b'\n]"),
        ("x = (\n    'a'\n)\n", "x = (\n    'a'\n)"),
        ("x = \\\n    'a'\n", "x = \\\n    'a'"),
        ("f'{print()}'\n'gone'\n", "f'{print()}'"),
        ('if x:\n    r"""gone\n# too\n"""\n    y()\n', "if x:\n    y()"),
    ],
)
def test_strings_comments_and_statements_are_told_apart(source: str, left: str) -> None:
    assert code_of(source) == left


def test_a_file_stays_whole_where_a_string_may_have_its_own_quotes_inside() -> None:
    source = """import a
x = f"{d["# no comment"]}"  # a comment
"""
    assert code_of(source) == source
    assert "a" in list(imports_of(source))


def test_imports_are_found_at_any_depth_and_in_no_string() -> None:
    source = r"""
import a, b.c as d
from e import (
    f as g,  # from h import i
    j,
)
from . import k
if x: from l.m import \
    n
try: import o; import p
'import q'
raise r from s
"""
    assert list(imports_of(source)) == ["a", "b.c", "e", "e.f", "e.j", "l.m", "l.m.n", "o", "p"]


def test_imports_of_this_package_are_those_of_its_syntax_tree() -> None:
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        names: list[str] = []
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        assert sorted(imports_of(source)) == sorted(names), path


def test_what_is_left_of_this_package_means_the_same() -> None:
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        assert _meaning(code_of(source)) == _meaning(source), path


def _meaning(source: str) -> str:
    """The syntax tree without statements that are only a string, and `pass` where a body had nothing else."""
    tree = ast.parse(_with_bodies(source))
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            kept = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
            node.body = [s for s in kept if not isinstance(s, ast.Pass)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _with_bodies(source: str) -> str:
    """`source` with `pass` below every line that opens a body and lost it, so that it can be parsed."""
    lines = source.split("\n")
    made = []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        made.append(line)
        indent = len(line) - len(line.lstrip())
        opens = line.lstrip().startswith(("class ", "def ", ")")) and line.endswith(":")
        if opens and len(after) - len(after.lstrip()) <= indent:
            made.append(" " * (indent + 4) + "pass")
    return "\n".join(made)
