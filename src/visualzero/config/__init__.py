"""The typed config of a study: what ``config/config.yaml`` and ``config/scale/*.yaml`` may say.

``load_study`` (for the Snakefile) and ``read_study`` (for the command line) return a frozen `Study`, or raise one
`UserError` with a line per mistake. Nothing here imports a heavy library, so that a dry run parses in no time.
"""

from visualzero.config.base import prompt_styles, reward_terms
from visualzero.config.loading import load_study, overrides_of, read_study
from visualzero.config.schema import study_schema, write_schema
from visualzero.config.sources import SAT, Benchmark, CVBench, Data, Local, Source, ToySpace
from visualzero.config.study import Arm, Comparison, Models, ModelSource, Reward, Study
from visualzero.config.training import Evaluate, Grpo, Optimization, Sft

__all__ = [
    "SAT",
    "Arm",
    "Benchmark",
    "CVBench",
    "Comparison",
    "Data",
    "Evaluate",
    "Grpo",
    "Local",
    "ModelSource",
    "Models",
    "Optimization",
    "Reward",
    "Sft",
    "Source",
    "Study",
    "ToySpace",
    "load_study",
    "overrides_of",
    "prompt_styles",
    "read_study",
    "reward_terms",
    "study_schema",
    "write_schema",
]
