"""Which questions of the benchmark are answered with samples: the same for every arm."""

import random

import pandas as pd

from visualzero.config import Sampling


def chosen(questions: pd.DataFrame, sampling: Sampling) -> pd.DataFrame:
    """At most `sampling.questions` of a Question table, drawn by the seed, in the table's order."""
    if sampling.questions is None or sampling.questions >= len(questions):
        return questions
    places = random.Random(sampling.seed).sample(range(len(questions)), sampling.questions)
    return questions.iloc[sorted(places)].reset_index(drop=True)
