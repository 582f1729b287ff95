"""What summary.json holds of the causes (docs/causes.md), as far as the page shows it."""

from pydantic import BaseModel, ConfigDict, Field

Interval = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class SampledCurves(_Part):
    """Pass@k and majority@k for k = 1, 2, ..., each with its interval."""

    accuracy: float
    passed: list[float] = Field(alias="pass", min_length=1)
    passed_intervals: list[Interval] = Field(alias="pass_intervals", default=[])
    majority: list[float] = []
    majority_intervals: list[Interval] = []


class SampledRun(SampledCurves):
    """Those of one run; `error` is that of accuracy, of which `question_error` is left with ever more samples."""

    error: float | None = None
    question_error: float | None = None
    read: float | None = None
    tokens: float | None = None


class SampledScorer(_Part):
    """Pass@k at some k, and the share of answers that are read, by one scorer."""

    passed: dict[str, float] = Field(alias="pass", default={})
    read: float | None = None


class SampledArm(_Part):
    """An arm's runs by seed, and their means if there are several."""

    seeds: dict[str, SampledRun] = {}
    over_seeds: SampledCurves | None = None
    scorers: dict[str, SampledScorer] = {}


class SampledEnd(_Part):
    """Pass@k of `a` minus that of `b` at one k; `sign` is 0 if that can't be told from none."""

    difference: float
    interval: Interval | None = None
    p_holm: float | None = None
    sign: int = 0


class CrossingAt(_Part):
    """The number of samples at which two curves cross, with its bounds; None is beyond those that were drawn."""

    k: int | None = None
    low: int | None = None
    high: int | None = None


class AloneQuestion(_Part):
    """A question that one arm alone has answered right, in `right` of its samples."""

    id: str
    right: int
    p_holm: float | None = None


class Alone(_Part):
    """Questions that one arm alone has answered right: how many, of how many luck is no explanation, and which.

    `expected` is how many there would be if the arms differed on none; `unseen` the chance that the other may have.
    """

    n: int
    told: int
    expected: float
    unseen: float
    questions: list[AloneQuestion] = []


class SampledComparison(_Part):
    """A planned pair with one sample and with all of them, and in words."""

    a: str
    b: str
    seeds: list[str] = []
    one: SampledEnd
    all: SampledEnd
    crossing: CrossingAt | None = None
    verdict: str = ""
    claim: str = ""
    only_a: Alone
    only_b: Alone
    scorers: dict[str, dict[str, SampledEnd]] = {}


class Sampling(_Part):
    """What sampled answers show; `guessing` is pass@k of guessing."""

    benchmark: str
    scorer: str = ""
    samples: int
    questions: int
    temperature: float | None = None
    guessing: list[float] = []
    arms: dict[str, SampledArm] = {}
    comparisons: list[SampledComparison] = []


class Causes(_Part):
    """All of them; None where they were not asked for."""

    sampling: Sampling | None = None
