"""Statistics of scores: shares, CV-Bench's official score, paired comparisons, seeds, and what a gain is made of.

All shares are from 0 to 1 and all intervals 95 %. docs/statistics.md explains each number;
tests/evaluation/statistics/test_simulation.py shows that the intervals cover what they say.
"""

from visualzero.evaluation.statistics.gain import Gain, is_parsed, share_right, split_gain
from visualzero.evaluation.statistics.official import (
    combined_interval,
    half_score,
    official_bootstrap,
    official_score,
)
from visualzero.evaluation.statistics.paired import PairedDifference, ScoreRows, paired_difference
from visualzero.evaluation.statistics.seeds import SeedsDifference, seeds_difference, t_interval
from visualzero.evaluation.statistics.shares import Interval, clustered_error, share_interval, wilson
from visualzero.evaluation.statistics.significance import clustered_mcnemar, holm, mcnemar

__all__ = [
    "Gain",
    "Interval",
    "PairedDifference",
    "ScoreRows",
    "SeedsDifference",
    "clustered_error",
    "clustered_mcnemar",
    "combined_interval",
    "half_score",
    "holm",
    "is_parsed",
    "mcnemar",
    "official_bootstrap",
    "official_score",
    "paired_difference",
    "seeds_difference",
    "share_interval",
    "share_right",
    "split_gain",
    "t_interval",
    "wilson",
]
