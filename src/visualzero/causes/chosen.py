"""Which questions of the benchmark are asked more about: the same for every arm."""

import random

import pandas as pd

from visualzero.config import Interventions, Sampling


def chosen(questions: pd.DataFrame, asked: Sampling | Interventions) -> pd.DataFrame:
    """At most `asked.questions` of a Question table, drawn by the seed, in the table's order."""
    if asked.questions is None or asked.questions >= len(questions):
        return questions
    places = random.Random(asked.seed).sample(range(len(questions)), asked.questions)
    return questions.iloc[sorted(places)].reset_index(drop=True)
