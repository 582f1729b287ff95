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
    reflecting: float | None = None
    reflecting_interval: Interval | None = None


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


class AlteredKind(_Part):
    """Answers of one kind, `n` questions: shares right, changed, changed for the worse or the better, and unread."""

    n: int
    accuracy: float
    interval: Interval | None = None
    changed: float | None = None
    right_to_wrong: float | None = None
    wrong_to_right: float | None = None
    unread: float | None = None


class AlteredEnd(_Part):
    """A difference between two kinds of answers."""

    difference: float
    interval: Interval | None = None
    p_holm: float | None = None


class AlteredContrast(_Part):
    """Two kinds on the same `n` questions: how many more are changed, and right; None if there are too few."""

    n: int
    changed: AlteredEnd | None = None
    accuracy: AlteredEnd | None = None


class Cue(_Part):
    """Questions whose response has a cue, how often it is written anyway, and the interval of what it adds."""

    n: int = 0
    again: float | None = None
    effect: Interval | None = None


class CueEntropy(_Part):
    """Entropy of the next token in nats, where a cue begins and elsewhere in the thought."""

    cue: float
    others: float
    interval: Interval | None = None


class AlteredArm(_Part):
    """What an arm's altered thoughts show, and in words."""

    kinds: dict[str, AlteredKind] = {}
    contrasts: dict[str, AlteredContrast] = {}
    exchanged: dict[str, int] = {}
    cue: Cue = Cue()
    entropy: CueEntropy | None = None
    thought_verdict: str = ""
    cue_verdict: str = ""
    claim: str = ""


class Interventions(_Part):
    """What altered thoughts show; effects up to `margin` are called none."""

    benchmark: str
    samples: int
    questions: int
    temperature: float | None = None
    margin: float | None = None
    arms: dict[str, AlteredArm] = {}


class SplitPart(_Part):
    """One part of a difference."""

    difference: float
    interval: Interval | None = None


class Split(_Part):
    """A planned difference and its parts; None where it can't be split, which `claim` says."""

    a: str
    b: str
    difference: float | None = None
    parts: dict[str, SplitPart] | None = None
    claim: str = ""


class EyesShare(_Part):
    """An arm's accuracy on some questions."""

    n: int
    accuracy: float
    interval: Interval | None = None


class Tell(_Part):
    """What gives answers away, and in how many folds it was found."""

    what: str
    folds: int


class Blind(_Part):
    """How many questions can be told from their texts, and each arm's accuracy on those that need eyes or not.

    `share` of them are answered by their texts, the others by guessing; both together make the accuracy.
    """

    benchmark: str
    learner: str = ""
    n: int
    share: float | None = None
    share_interval: Interval | None = None
    tells: list[Tell] = []
    accuracy: float
    interval: Interval | None = None
    chance: float | None = None
    eyes: int
    arms: dict[str, dict[str, EyesShare]] = {}
    claim: str = ""


class Letters(_Part):
    """Whether an arm goes by letters."""

    n: int
    difference: float | None = None
    interval: Interval | None = None
    claim: str = ""


class Verdict(_Part):
    """What all this says of a planned pair, and what it says nothing of."""

    a: str
    b: str
    claim: str = ""
    untested: list[str] = []


class Causes(_Part):
    """All of them; None or empty where they were not asked for."""

    sampling: Sampling | None = None
    interventions: Interventions | None = None
    split: list[Split] = []
    blind: Blind | None = None
    letters: dict[str, Letters] = {}
    verdict: list[Verdict] = []
