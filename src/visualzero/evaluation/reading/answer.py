"""The option that a response chooses: the one parser behind the accuracy reward and the `strict` scorer.

What is read: the text of the last closed `<answer>...</answer>`; without one, the response without its think part.
How it is read is in `rules.py`, what announces or rejects an option in `phrases.py`, what an option looks like in
`options.py`.
"""

import re
from collections.abc import Sequence

from visualzero.evaluation.reading.options import options_of, plain
from visualzero.evaluation.reading.rules import Parsed, read

_TAG = re.compile(r"<(/?)(answer|think)>", re.IGNORECASE | re.ASCII)
_FORMAT = re.compile(r"<think>(.*)</think>\s*<answer>(.*)</answer>", re.DOTALL)


def parse_answer(response: str, choices: Sequence[str]) -> Parsed:
    """The choice that `response` makes among `choices` (2 to 26 option texts)."""
    return read(plain(answer_text(response)), options_of(tuple(choices)))


def is_formatted(text: str) -> bool:
    """Whether a completion is `<think>` thought `</think>` `<answer>` answer `</answer>` and nothing else.

    Each tag occurs once, thought and answer are not blank; blanks may stand between the parts and around them.
    """
    text = text.strip()
    if any(text.count(tag) != 1 for tag in ("<think>", "</think>", "<answer>", "</answer>")):
        return False
    match = _FORMAT.fullmatch(text)
    return match is not None and bool(match[1].strip()) and bool(match[2].strip())


def answer_text(response: str) -> str:
    """The part of a response to read."""
    tags = list(_TAG.finditer(response)) if "<" in response else []
    close = None
    for tag in reversed(tags):
        if tag[2].lower() == "answer":
            if tag[1]:
                close = tag
            elif close:
                return response[tag.end() : close.start()]
    outside: list[str] = []
    position, inside = 0, False
    for tag in tags:
        if tag[2].lower() == "answer":
            continue
        if tag[1] and not inside:
            outside.clear()  # the prompt has opened the think part: all so far is thought
        elif not tag[1] and not inside:
            outside.append(response[position : tag.start()])
        inside, position = not tag[1], tag.end()
    if not inside:
        outside.append(response[position:])
    return "\n".join(outside)
