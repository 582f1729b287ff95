"""What is asked beyond the scores, to tell why they came out as they did (``causes:``, docs/causes.md)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from visualzero.config.base import Name, Number, Section


def _each_once(names: list[str]) -> list[str]:
    """Refuse a name that is listed twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"listed twice: {', '.join(twice)}; list each one once")
    return names


class Sampling(Section):
    """Answers that are drawn at random, many to a question, beside the greedy one that is scored."""

    arms: Annotated[list[Name], Field(min_length=1), AfterValidator(_each_once)] | None = Field(
        default=None, description="Arms whose answers are sampled, of those that are run; null: all of these."
    )
    benchmark: Name | None = Field(default=None, description="The benchmark that is asked; null: the first.")
    questions: int | None = Field(
        default=None, gt=0, description="Ask at most so many of its questions, drawn by the seed; null asks all."
    )
    samples: int = Field(default=32, ge=2, le=512, description="Answers to each question (n).")
    temperature: Number = Field(default=1.0, gt=0, description="Temperature that they are drawn with.")
    top_p: Number = Field(default=1.0, gt=0, le=1, description="They are drawn from the most likely tokens up to this.")
    seed: int = Field(default=0, ge=0, description="Seed of the draws and of the choice of questions.")
    batch_size: int = Field(default=8, gt=0, description="Questions whose samples are drawn of one seed.")


class Interventions(Section):
    """Thoughts that are altered, of which the model goes on: does the thought decide, does reconsidering help?"""

    arms: Annotated[list[Name], Field(min_length=1), AfterValidator(_each_once)] | None = Field(
        default=None, description="Arms whose thoughts are altered, of those that are run; null: all of these."
    )
    benchmark: Name | None = Field(
        default=None, description="The benchmark whose responses are taken; null: the first."
    )
    questions: int | None = Field(
        default=None, gt=0, description="Take at most so many of its questions, drawn by the seed; null takes all."
    )
    samples: int = Field(default=8, ge=2, le=64, description="Answers from each altered thought.")
    temperature: Number = Field(default=1.0, gt=0, description="Temperature that they are drawn with.")
    top_p: Number = Field(default=1.0, gt=0, le=1, description="They are drawn from the most likely tokens up to this.")
    seed: int = Field(
        default=0, ge=0, description="Seed of the draws, of the choice of questions and of whose thought."
    )
    batch_size: int = Field(
        default=4, gt=0, description="Questions taken at a time, each with all its altered thoughts and their answers."
    )
    margin: Number = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="An effect up to this (0.05: five points) is called none if its interval lies within it.",
    )


class Causes(Section):
    """What is measured to explain the scores; nothing unless it is asked for."""

    sampling: Sampling | None = Field(
        default=None,
        description="Sample many answers to each question, for pass@k; null: don't. {} takes the defaults.",
    )
    interventions: Interventions | None = Field(
        default=None,
        description="Alter thoughts and let the model go on; null: don't. {} takes the defaults.",
    )
    split: bool = Field(
        default=False,
        description="Divide planned gains into form, prior, sight and thought, of arms with the control no_image.",
    )
    blind: bool = Field(
        default=False, description="Predict right options from the texts alone, to tell which questions need eyes."
    )
