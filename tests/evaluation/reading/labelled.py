"""The labelled responses of `labelled.yaml`: written by hand, each with the option that it chooses."""

from pathlib import Path
from typing import NamedTuple

import yaml

from visualzero.evaluation.reading.answer import parse_answer


class Labelled(NamedTuple):
    """A response to a question with these options, and the index of the one that it chooses, if any.

    `how` is the class of a response that chooses none where that is labelled, such as "ambiguous".
    """

    kind: str
    response: str
    choices: tuple[str, ...]
    chosen: int | None
    how: str | None = None

    def is_read_right(self) -> bool:
        """Whether the parser reads the option that was labelled."""
        parsed = parse_answer(self.response, self.choices)
        return parsed.prediction == self.chosen and self.how in (None, parsed.parse_class)


def labelled() -> list[Labelled]:
    """All labelled responses, in the file's order."""
    rows = []
    for group in yaml.safe_load(Path(__file__).with_name("labelled.yaml").read_text(encoding="utf-8")):
        choices = tuple(group["choices"])
        for option, responses in group["reads"].items():
            chosen = choices.index(option) if option in choices else None
            how = option if option in ("ambiguous", "conflicting", "none") else None
            assert chosen is not None or how or option == "nothing", option
            rows += [Labelled(group["kind"], response, choices, chosen, how) for response in responses]
    return rows
