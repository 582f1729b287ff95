"""Statistics of scores: shares, CV-Bench's official score, paired comparisons, seeds, power, what a gain is made of.

All shares are from 0 to 1 and all intervals 95 %. docs/statistics.md explains each number;
tests/evaluation/statistics/test_simulation.py and test_joint.py show that the intervals cover what they say.
"""

from visualzero.evaluation.statistics.crossed import Crossed, crossed
from visualzero.evaluation.statistics.gain import Gain, gain_parts, is_parsed, share_right, split_gain
from visualzero.evaluation.statistics.official import (
    combined_interval,
    half_score,
    official_bootstrap,
    official_score,
    official_values,
)
from visualzero.evaluation.statistics.paired import (
    OfficialDifference,
    PairedDifference,
    ScoreRows,
    mean_interval,
    official_difference,
    official_differences,
    paired_difference,
)
from visualzero.evaluation.statistics.power import Spread, detectable, questions_needed
from visualzero.evaluation.statistics.seeds import SeedsDifference, of_crossed, seeds_difference
from visualzero.evaluation.statistics.shares import Interval, clustered_error, share_interval, wilson
from visualzero.evaluation.statistics.significance import clustered_mcnemar, holm, mcnemar
from visualzero.evaluation.statistics.transfer import Transfer, transfer

__all__ = [
    "Crossed",
    "Gain",
    "Interval",
    "OfficialDifference",
    "PairedDifference",
    "ScoreRows",
    "SeedsDifference",
    "Spread",
    "Transfer",
    "clustered_error",
    "clustered_mcnemar",
    "combined_interval",
    "crossed",
    "detectable",
    "gain_parts",
    "half_score",
    "holm",
    "is_parsed",
    "mcnemar",
    "mean_interval",
    "of_crossed",
    "official_bootstrap",
    "official_difference",
    "official_differences",
    "official_score",
    "official_values",
    "paired_difference",
    "questions_needed",
    "seeds_difference",
    "share_interval",
    "share_right",
    "split_gain",
    "transfer",
    "wilson",
]
