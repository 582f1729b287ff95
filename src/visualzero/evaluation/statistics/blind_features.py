"""What each option of a question has that a learner without eyes can go by, by names that a reader understands.

Letter, text, words, rank among numbers, length and how often the question says it; each also within its task; and
letter and text together with each word of the question.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

SEEN = 3  # a feature of fewer options says nothing of others
PAIR = "a question with "  # how the names begin that take a word of the question
Rows = Sequence[Mapping[str, Any]]
Ints = npt.NDArray[np.int64]
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Options(NamedTuple):
    """All options of Q questions, one after the other.

    Attributes:
        features: [options, features], 1 where an option has a feature, else 0.
        names: of the features.
        starts: [Q + 1], where each question's options begin, and the end.
    """

    features: csr_matrix
    names: list[str]
    starts: Ints


def option_features(questions: Rows) -> Options:
    """The features of the options of questions, rows with task, question and choices."""
    rows = [list(dict.fromkeys(named)) for question in questions for named in _options(question)]
    counts = Counter(name for named in rows for name in named)
    columns = {name: place for place, name in enumerate(name for name, n in counts.items() if n >= SEEN)}
    placed = [[columns[name] for name in named if name in columns] for named in rows]
    ends = np.cumsum([0, *map(len, placed)])
    indices = np.array([place for its in placed for place in its], dtype=np.int64)
    matrix = csr_matrix((np.ones(len(indices)), indices, ends), shape=(len(rows), len(columns)))
    return Options(matrix, list(columns), np.cumsum([0, *(len(question["choices"]) for question in questions)]))


def _options(question: Mapping[str, Any]) -> Iterator[list[str]]:
    """The names of what each option of a question has."""
    choices, task = [str(one).lower() for one in question["choices"]], question["task"]
    words = _WORD.findall(str(question["question"]).lower())
    ranks = _ranks(choices)
    sizes, said = [len(one) for one in choices], _said(choices, words)
    for place, text in enumerate(choices):
        letter = f"letter {_letter(place)}"
        plain = [letter, f"{letter} of {len(choices)}", f"option “{text}”"]
        plain += [f"an option with “{word}”" for word in _WORD.findall(text)]
        if ranks:
            plain.append(f"number {ranks[place] + 1} of {len(choices)} by size")
        elif sizes[place] == max(sizes) > min(sizes):
            plain.append("the longest option")
        if said[place] == max(said) > min(said):
            plain.append("the option that the question says most")
        pairs = [f"{PAIR}“{word}”: {name}" for word in sorted(set(words)) for name in (plain[0], plain[2])]
        yield [*plain, *(f"{task}: {name}" for name in plain), *pairs]


def _letter(place: int) -> str:
    return ascii_uppercase[place] if place < len(ascii_uppercase) else str(place + 1)


def _ranks(choices: Sequence[str]) -> list[int]:
    """The rank of each option where all are numbers, else nothing."""
    if not all(map(_NUMBER.fullmatch, choices)):
        return []
    numbers = list(map(float, choices))
    return [sorted(numbers).index(number) for number in numbers]


def _said(choices: Sequence[str], words: Sequence[str]) -> list[int]:
    """How often the question says each option."""
    text = f" {'  '.join(words)} "  # each word has its own blanks
    return [text.count(f" {'  '.join(_WORD.findall(one))} ") for one in choices]
