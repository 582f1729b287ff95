"""docs/operations.md tells what the programs print, word for word, and a test asserts each of its messages."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TELLING = 16  # letters in a row that no two messages share by chance
SOURCES = ("src/**/*.py", "workflow/**/*.smk", "Snakefile", "scripts/*", "Makefile", "workflow/scripts/*")


def messages() -> list[str]:
    """The first column of the page's tables."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+(?:`` [^`]+)*)`", text, re.MULTILINE)


def pieces(message: str) -> list[str]:
    """What a message says in every case: its text between the placeholders, the longest piece first."""
    return sorted((piece.strip(" :,.") for piece in re.split(r"<[^<>]*>", message)), key=len, reverse=True)


@cache
def said(*patterns: str) -> list[str]:
    """Texts in files: the strings of Python files (those of an f-string in pieces), and other files as they are."""
    texts = []
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}):
        source = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            texts.append(source)
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return texts


@cache
def asserted() -> list[str]:
    """Texts of tests, regular expressions without their backslashes."""
    return [re.sub(r"\\(\W)", r"\1", text) for text in said("tests/**/*.py") if text != __doc__]


def holds(texts: list[str], message: str) -> bool:
    """Whether a text has TELLING letters in a row of a message, which may be put together from several."""
    windows = {piece[start : start + TELLING] for piece in pieces(message) for start in range(len(piece) - TELLING + 1)}
    return any(window in text for window in windows or set(pieces(message)[:1]) for text in texts)


def test_the_page_tells_of_every_area() -> None:
    assert len(messages()) >= 60


@pytest.mark.parametrize("message", messages())
def test_a_message_of_the_page_is_one_of_the_programs(message: str) -> None:
    assert holds(said(*SOURCES), message)


@pytest.mark.parametrize("message", messages())
def test_a_message_of_the_page_is_asserted_by_a_test(message: str) -> None:
    assert holds(asserted(), message)
