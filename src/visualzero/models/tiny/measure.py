"""What the tiny models can, measured on validation scenes and never through an arm.

The base has to see and to reason, and to show it rarely; the instruct model has to answer well and briefly. What makes
them good enough is fixed by these measures (docs/toyspace.md), and a build that misses one fails.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from string import ascii_uppercase

from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from visualzero.data.toyspace.questions import TASKS, Asked
from visualzero.evaluation.statistics.shares import wilson
from visualzero.models.tiny.corpus import IMAGE, text_of
from visualzero.models.tiny.pools import Pool
from visualzero.models.tiny.responding import respond
from visualzero.models.tiny.thoughts import BEGINS, CONCLUDES, CUES, look, slip
from visualzero.prompts import render

THOUGHT_TOKENS, ANSWER_TOKENS = 160, 12


@dataclass(frozen=True)
class Measure:
    """A share of `n` cases, and what it has to be: at least, or at most."""

    name: str
    cases: int
    n: int
    least: float | None = None
    most: float | None = None

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.cases / self.n if self.n else 0.0

    @property
    def missed(self) -> bool:
        """Whether the share isn't what it has to be."""
        if self.least is not None and self.share < self.least:
            return True
        return self.most is not None and self.share > self.most

    def __str__(self) -> str:
        low, high = wilson(self.cases, self.n) if self.n else (0.0, 1.0)
        wanted = "" if self.least is None else f", at least {self.least:.0%}"
        wanted += "" if self.most is None else f", at most {self.most:.0%}"
        verdict = "" if not wanted else f"{wanted}: {'MISSED' if self.missed else 'met'}"
        return f"{self.name}: {self.share:.1%} [{low:.1%}, {high:.1%}] of {self.n}{verdict}"


@dataclass(frozen=True)
class Examined:
    """A model with the questions that it is examined by."""

    model: Qwen2VLForConditionalGeneration
    tokenizer: PreTrainedTokenizerFast
    pool: Pool
    seed: int = 0

    def said(self, prompt: Callable[[Asked], str | None], new_tokens: int, sampled: bool) -> list[tuple[Asked, str]]:
        """What the model says to each question that `prompt` has a prompt for."""
        prompts = [(i, text) for i, asked in enumerate(self.pool.asked) if (text := prompt(asked)) is not None]
        rows = [i for i, _ in prompts]
        texts = respond(
            self.model,
            self.tokenizer,
            [text for _, text in prompts],
            self.pool.images[rows],
            new_tokens,
            self.seed if sampled else None,
        )
        return [(self.pool.asked[i], text) for i, text in zip(rows, texts, strict=True)]


def measure_base(examined: Examined) -> list[Measure]:
    """Looks and bare answers by task, slips corrected, letters, and what the base does unasked."""
    looks = examined.said(lambda asked: f"{render('r1_zero', text_of(asked))} {BEGINS}", THOUGHT_TOKENS, False)
    bare = examined.said(lambda asked: f"{IMAGE}{text_of(asked)}\nAnswer:", ANSWER_TOKENS, False)
    slips = examined.said(lambda asked: _slipped(asked, random.Random(asked.question)), THOUGHT_TOKENS, False)
    letters = examined.said(_told_to_letter, ANSWER_TOKENS, False)
    return [
        *_by_task(
            "looks conclude rightly", [(a, concluded(text) == a.answer) for a, text in looks], 0.85, lambda _: 0.70
        ),
        *_by_task("bare answers are right", [(a, _first_line(text) == a.answer) for a, text in bare], 0.60, _chance),
        *_by_task("planted slips are corrected", [(a, concluded(text) == a.answer) for a, text in slips], 0.80),
        *_by_task("letters go with their texts", [(a, _lettered_rightly(a, text)) for a, text in letters], 0.90),
        *_styles(examined),
    ]


def measure_instruct(examined: Examined) -> list[Measure]:
    """Bare answers by task, and thoughts on request."""
    bare = examined.said(lambda asked: render("chat", text_of(asked)), ANSWER_TOKENS, False)
    thoughts = examined.said(lambda asked: render("chat_think", text_of(asked)), THOUGHT_TOKENS, True)
    looks = [style_of(text) != "guess" for _, text in thoughts]
    lengths = [len(examined.tokenizer.encode(text)) for _, text in thoughts]
    return [
        *_by_task("bare answers are right", [(a, _first_line(text) == a.answer) for a, text in bare], 0.65),
        Measure("asked to think, it looks", sum(looks), len(looks), most=0.10),
        Measure(
            f"asked to think, it writes at most 40 tokens (median {median(lengths):.0f})",
            sum(length <= 40 for length in lengths),
            len(lengths),
            least=0.80,
        ),
        Measure("asked to think, it is right", sum(last_named(a, t) == a.answer for a, t in thoughts), len(thoughts)),
    ]


def concluded(text: str) -> str | None:
    """What a thought concludes last, without its article."""
    _, found, rest = text.rpartition(CONCLUDES)
    return re.split(r"[.\n<]", rest)[0].removeprefix("the ").strip() if found else None


def style_of(text: str) -> str:
    """Whether a response guesses, looks, or looks twice, by the words that looks are made of."""
    if any(cue in text for cue in CUES):
        return "second look"
    return "look" if BEGINS in text else "guess"


def last_named(asked: Asked, text: str) -> str | None:
    """The option that a response names last, the longer one where two end at the same place."""
    found = [(match.end(), len(choice), choice) for choice in asked.choices for match in _places(choice, text)]
    return max(found)[2] if found else None


def _places(choice: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"(?<!\w){re.escape(choice)}(?!\w)", text))


def _slipped(asked: Asked, rng: random.Random) -> str | None:
    """A question, a look with a planted slip, and a cue."""
    if look(asked) is None:
        return None
    told = "".join(text for text, _ in slip(asked, rng))
    return f"{render('r1_zero', text_of(asked))} {told} {rng.choice(CUES)}"


def _told_to_letter(asked: Asked) -> str | None:
    """A question, the right thought, and an answer that has to begin with a letter."""
    told = look(asked)
    return told and f"{render('r1_zero', text_of(asked))} {told} </think> <answer> ("


def _lettered_rightly(asked: Asked, text: str) -> bool:
    return text.startswith(f"{ascii_uppercase[asked.answer_index]}) {asked.answer} ")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _chance(asked: Sequence[Asked]) -> float:
    return sum(1 / len(one.choices) for one in asked) / len(asked)


def _by_task(
    name: str,
    right: list[tuple[Asked, bool]],
    least: float,
    least_each: Callable[[Sequence[Asked]], float] | None = None,
) -> list[Measure]:
    measures = [Measure(name, sum(r for _, r in right), len(right), least)]
    for task in TASKS:
        here = [(asked, r) for asked, r in right if asked.task == task]
        each = least_each([asked for asked, _ in here]) if least_each else None
        measures.append(Measure(f"{name}, {task}", sum(r for _, r in here), len(here), each))
    return measures


def _styles(examined: Examined) -> list[Measure]:
    """What the base does unasked, at temperature 1: how often it looks, and how often each style is right."""
    said = examined.said(lambda asked: render("r1_zero", text_of(asked)), THOUGHT_TOKENS, True)
    measures = []
    for style in ("guess", "look", "second look"):
        here = [(asked, text) for asked, text in said if style_of(text) == style]
        measures.append(Measure(f"unasked: {style}", len(here), len(said)))
        right = sum(last_named(asked, text) == asked.answer for asked, text in here)
        measures.append(Measure(f"unasked: {style}, right", right, len(here)))
    return measures
