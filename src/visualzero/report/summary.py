"""What summary.json holds, as far as the page shows it: the schema that it is checked against when it is read.

What the evaluation writes beside this is ignored, and what may be missing has a default.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from visualzero.errors import UserError
from visualzero.report.causes_summary import Causes
from visualzero.report.inputs import read_json

Interval = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class TaskScore(_Part):
    """Accuracy (0..1) over the `n` questions of a task."""

    accuracy: float
    n: int | None = None
    interval: Interval | None = None


class Tokens(_Part):
    """Length of the responses in tokens."""

    mean: float | None = None
    median: float | None = None
    p95: float | None = None


class Letter(_Part):
    """How many of the `n` questions whose right letter it is are right, and how often it is chosen at all."""

    n: int
    predicted: int
    recall: float | None = None


class Cell(_Part):
    """The scores of one run on one benchmark, all from 0 to 1."""

    micro: float
    micro_interval: Interval | None = None
    official: float | None = None
    official_interval: Interval | None = None
    tasks: dict[str, TaskScore] = {}
    parse_rate: float | None = None
    format_rate: float | None = None
    truncated_rate: float | None = None
    accuracy_given_parsed: float | None = None
    chance_adjusted: float | None = None
    n: int | None = None
    letters: dict[str, dict[str, Letter]] = {}  # by number of options and letter
    response_tokens: Tokens = Tokens()


class Baseline(_Part):
    """What chance or one constant answer scores; `answer` is that answer by task."""

    micro: float | None = None
    official: float | None = None
    tasks: dict[str, float | None] = {}
    answer: dict[str, str | None] = {}


class Official(_Part):
    """Official score of `a` minus that of `b`."""

    difference: float
    interval: Interval | None = None


class Gain(_Part):
    """What a difference is made of: readable answers (`format`), and right ones among them (`capability`)."""

    format: float | None = None
    format_interval: Interval | None = None
    capability: float | None = None
    capability_interval: Interval | None = None


class Standing(_Part):
    """A comparison as one scorer reads it; `sign` is 1 if `a` is ahead, -1 if `b` is, 0 if that can't be told."""

    difference: float
    interval: Interval | None = None
    sign: int = 0
    parse_rate_a: float | None = None
    parse_rate_b: float | None = None
    gain: Gain | None = None


class Comparison(_Part):
    """Accuracy of `a` minus that of `b`; `b10` questions only `a` got right, `b01` only `b`.

    `p_holm` is corrected for all planned comparisons. `ahead` is the arm that is ahead, None if the data can't tell;
    `claim` and `gain_claim` say it in words. `scorers` has it under every scorer, and `scorers_claim` in words; a claim
    whose sign changes between them has these words in it.
    """

    a: str
    b: str
    seed: str | None = None
    difference: float
    interval: Interval | None = None
    p_value: float | None = None
    p_holm: float | None = None
    mde: float | None = None
    ahead: str | None = None
    claim: str = ""
    gain: Gain | None = None
    gain_claim: str | None = None
    official: Official | None = None
    scorers: dict[str, Standing] = {}
    scorers_claim: str = ""
    changes_sign: bool = False
    b01: int | None = None
    b10: int | None = None
    n: int | None = None


class SeedsComparison(_Part):
    """Accuracy of `a` minus that of `b` as a mean over `seeds`, which has each seed's value; in words: `claim`."""

    a: str
    b: str
    seeds: dict[str, float] = {}
    difference: float
    interval: Interval | None = None
    p_holm: float | None = None
    ahead: str | None = None
    claim: str = ""
    gain: Gain | None = None
    official: Official | None = None
    scorers: dict[str, Standing] = {}
    scorers_claim: str = ""
    changes_sign: bool = False


class Transfer(_Part):
    """Accuracy of `a` minus that of `b`, less the same on the first benchmark; `seeds` has each seed's value."""

    a: str
    b: str
    seeds: dict[str, float] = {}
    difference: float
    interval: Interval | None = None
    p_holm: float | None = None
    told_apart: bool = False
    claim: str = ""


class UnderScorer(_Part):
    """What an arm scores under one scorer: the mean over its seeds, and each seed's accuracy."""

    accuracy: float
    interval: Interval | None = None
    seeds: dict[str, float] = {}
    parse_rate: float | None = None


class ArmSummary(_Part):
    """An arm and its scores: `seeds[seed][benchmark]`."""

    title: str | None = None
    recipe: str | None = None
    init: str | None = None
    prompt: str | None = None
    trained: bool = True
    seeds: dict[str, dict[str, Cell | None]] = {}


class Difference(_Part):
    """Accuracy of the questions as they are minus that of the control questions."""

    difference: float
    interval: Interval | None = None


class Control(_Part):
    """A run's scores on control questions; `consistency` of choices only where the options were swapped."""

    micro: float
    micro_interval: Interval | None = None
    parse_rate: float | None = None
    difference: Difference
    consistency: float | None = None


class Thoughts(_Part):
    """Shares of responses without a thought, and with one that has no word."""

    missing: float | None = None
    blank: float | None = None


class Spread(_Part):
    """A length over some responses."""

    median: float | None = None


class Words(_Part):
    """Words in a thought, over all of them."""

    all: Spread = Spread()


class Rate(_Part):
    """A share of all responses."""

    all: float | None = None


class Reflection(_Part):
    """Share of responses that reconsider."""

    rate: Rate = Rate()


class Diversity(_Part):
    """How alike thoughts are."""

    self_similarity: float | None = None
    duplicate_share: float | None = None


class Repetition(_Part):
    """Share of responses that end in a loop."""

    loop: float | None = None


class Consistency(_Part):
    """Share of the thoughts that conclude something whose answer is another."""

    contradicts: float | None = None


class Reasoning(_Part):
    """What the thoughts of a run are like (docs/reasoning.md)."""

    thoughts: Thoughts = Thoughts()
    thought_words: Words = Words()
    reflection: Reflection = Reflection()
    diversity: Diversity = Diversity()
    repetition: Repetition = Repetition()
    consistency: Consistency = Consistency()


class ScorerFacts(_Part):
    """What one scorer makes of all responses."""

    accuracy: float
    parse_rate: float


class ScorerAgreement(_Part):
    """Scorers over the same `n` responses; `same[a][b]` is the share that both read alike."""

    n: int
    scorers: dict[str, ScorerFacts] = {}
    same: dict[str, dict[str, float]] = {}


class Summary(_Part):
    """summary.json, which the evaluation writes."""

    scale: str | None = None
    scorer: str | None = None
    arms: dict[str, ArmSummary] = {}
    margin: float | None = None
    baselines: dict[str, dict[str, Baseline]] = {}
    accuracies: dict[str, dict[str, dict[str, UnderScorer]]] = {}  # by benchmark, arm, scorer
    comparisons: dict[str, list[Comparison]] = {}
    comparisons_over_seeds: dict[str, list[SeedsComparison]] = {}
    transfers: dict[str, list[Transfer]] = {}  # by benchmark, but for the first
    controls: dict[str, dict[str, dict[str, dict[str, Control]]]] = {}  # by benchmark, arm, seed, control
    reasoning: dict[str, dict[str, dict[str, Reasoning]]] = {}  # by benchmark, arm, seed
    scorer_agreement: dict[str, ScorerAgreement] = {}
    causes: Causes = Causes()


def read_summary(path: Path) -> Summary:
    """The checked summary.json."""
    content = read_json(path, "summary of the evaluation")
    try:
        return Summary.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        message = f"summary of the evaluation: {path}: {where}: {first['msg']}: run the evaluate stage again"
        raise UserError(message) from error
