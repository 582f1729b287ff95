"""The typed config of a study: what ``config/config.yaml`` and ``config/scale/*.yaml`` may say.

``load_study`` (for the Snakefile) and ``read_study`` (for the command line) return a frozen `Study`, or raise one
`UserError` with a line per mistake. Nothing here imports a heavy library, so that a dry run parses in no time.
"""

from visualzero.config.base import MODELS, prompt_styles, reward_terms
from visualzero.config.causes import Causes, Interventions, Sampling
from visualzero.config.dataset import Answers, Columns, Dataset
from visualzero.config.loading import load_study, overrides_of, read_study
from visualzero.config.schema import study_schema, write_schema
from visualzero.config.sources import (
    BLINK,
    SAT,
    VSR,
    Benchmark,
    CVBench,
    Data,
    Hub,
    Local,
    Mixture,
    Part,
    Source,
    ToySpace,
)
from visualzero.config.study import (
    CONTROLS,
    Arm,
    Comparison,
    Controls,
    Difficulty,
    Models,
    ModelSource,
    Reward,
    Study,
    Trajectories,
)
from visualzero.config.training import SCORERS, Alarms, Evaluate, Grpo, Lora, Optimization, Perception, Resample, Sft

__all__ = [
    "BLINK",
    "CONTROLS",
    "MODELS",
    "SAT",
    "SCORERS",
    "VSR",
    "Alarms",
    "Answers",
    "Arm",
    "Benchmark",
    "CVBench",
    "Causes",
    "Columns",
    "Comparison",
    "Controls",
    "Data",
    "Dataset",
    "Difficulty",
    "Evaluate",
    "Grpo",
    "Hub",
    "Interventions",
    "Local",
    "Lora",
    "Mixture",
    "ModelSource",
    "Models",
    "Optimization",
    "Part",
    "Perception",
    "Resample",
    "Reward",
    "Sampling",
    "Sft",
    "Source",
    "Study",
    "ToySpace",
    "Trajectories",
    "load_study",
    "overrides_of",
    "prompt_styles",
    "read_study",
    "reward_terms",
    "study_schema",
    "write_schema",
]
