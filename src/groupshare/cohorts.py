"""Who is decoded: rows, cohorts of rows that begin together and share their random numbers, and room for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from groupshare.questions import Question, groups_of


class Luck:
    """Random numbers as `generate` draws them: in every step for all rows, whether they have ended or not.

    Without a seed they are the device's own, and `rewind` puts back what was drawn after the last row's end.
    """

    def __init__(self, device: torch.device, seed: int | None = None):
        self.device, self.seed = device, seed
        self.generator = None if seed is None else torch.Generator(device).manual_seed(seed)
        self.noise: Tensor | None = None
        self.states: list[Tensor] = []  # after each draw, where draws may be taken back

    def draw(self, rows: int, words: int) -> Tensor:
        """Exponential numbers `[rows, words]`: p / q is largest at a token with the chance p, as in multinomial."""
        if self.noise is None:
            self.noise = torch.empty(rows, words, dtype=torch.float32, device=self.device)
        self.noise.exponential_(generator=self.generator)
        if self.seed is None and self.device.type == "cuda":
            self.states.append(torch.cuda.get_rng_state(self.device))
        return self.noise

    def rewind(self, draws: int) -> None:
        """Let the device's random numbers go on as if so many draws had been made; on a CPU there are no more."""
        if self.states:
            torch.cuda.set_rng_state(self.states[draws - 1], self.device)

    def again(self) -> "Luck":
        """The same numbers from the start."""
        assert self.seed is not None
        return Luck(self.device, self.seed)


@dataclass(eq=False)
class Row:
    """A completion on its way; `number` is its place in what its cohort draws."""

    question: Question
    number: int = 0
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    drawn: int = 0  # tokens, those among them that nobody has looked at
    over: bool = False


@dataclass(eq=False)
class Cohort:
    """Rows that begin together; those of a group stand together and hold the same question.

    Without `luck` the most likely tokens are taken. `total` rows share the luck, even if some of them are elsewhere.
    """

    rows: list[Row]
    luck: Luck | None
    total: int
    width: int  # tokens of the longest prompt of all of them

    @classmethod
    def of(cls, questions: Sequence[Question], luck: Luck | None = None) -> "Cohort":
        """A row for each question."""
        rows = [Row(question, number) for number, question in enumerate(questions)]
        return cls(rows, luck, len(rows), max(len(question.input_ids) for question in questions))

    def parts(self, size: int) -> list["Cohort"]:
        """Its rows, which have not begun, in cohorts of `size` at most; they will say the same."""
        cut = [self.rows[i : i + size] for i in range(0, len(self.rows), size)]
        return [Cohort(rows, self.luck.again() if self.luck else None, self.total, self.width) for rows in cut]


@dataclass(frozen=True)
class Room:
    """How many rows there may be at a time, and how many tokens of prompts and completions in them; None: any.

    Of rows that tokens allow a power of two is taken, so that nearly as many tokens give as many rows.
    """

    rows: int | None = None
    tokens: int | None = None

    def takes(self, cohort: Cohort, most: int) -> int:
        """Rows like those of a cohort that fit, at least one."""
        groups = groups_of([row.question for row in cohort.rows])
        each = most + cohort.width * len(groups) / len(cohort.rows)
        limits = [limit for limit in (self.rows, power_of_two(self.tokens / each) if self.tokens else None) if limit]
        return min(limits, default=len(cohort.rows))


def power_of_two(limit: float) -> int:
    """The largest one below a limit, at least 1."""
    return 1 << max(int(limit), 1).bit_length() - 1
