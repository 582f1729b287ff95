"""What a completion is made of, for terms that pay for its form."""

import re

TAGS = ("think", "answer", "reason")


def made_of(completion: str, *tags: str) -> bool:
    """Whether it is `<tag>` something `</tag>` for each of `tags` in turn and nothing else.

    Each tag occurs once and no other one of TAGS does; nothing between two tags is blank. Blanks may stand between the
    parts and around them.
    """
    text = completion.strip()
    if any(text.count(f"{mark}{tag}>") != (tag in tags) for tag in TAGS for mark in ("<", "</")):
        return False
    match = re.fullmatch(r"\s*".join(f"<{tag}>(.*)</{tag}>" for tag in tags), text, re.DOTALL)
    return match is not None and all(part.strip() for part in match.groups())
