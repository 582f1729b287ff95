"""The labelled responses are read as labelled, and no rule of the parser can be left out without one being misread."""

import re
import sys
from itertools import groupby

import pytest
from labelled import Labelled, labelled

from visualzero.evaluation.reading import phrases, plain, roles, rules
from visualzero.evaluation.reading.options import options_of
from visualzero.rewards import accuracy

ROWS = labelled()
KINDS = {kind: list(rows) for kind, rows in groupby(ROWS, key=lambda row: row.kind)}
ANY_OF = [name for name, table in vars(phrases).items() if name.isupper() and isinstance(table, tuple)]
PREDICATES = ("FORWARD", "BACK", "ADVERBS", "VERDICTS", "WRONG")


def misread() -> Labelled | None:
    """A labelled response that is not read as labelled, if there is one; the last group is made to tell soonest."""
    return next((row for row in reversed(ROWS) if not row.is_read_right()), None)


def without(table: tuple[str, ...], index: int) -> tuple[str, ...]:
    return table[:index] + table[index + 1 :]


@pytest.mark.parametrize("kind", KINDS)
def test_every_labelled_response_is_read_as_labelled(kind):
    assert [row for row in KINDS[kind] if not row.is_read_right()] == []


def test_half_of_the_responses_choose_nothing():
    nothing = sum(row.chosen is None for row in ROWS)
    assert len(ROWS) >= 800
    assert 0.5 <= nothing / len(ROWS) <= 0.6


def test_what_chooses_nothing_earns_nothing_whatever_is_right():
    earned = {
        accuracy.score(row.response, choices=list(row.choices), answer_index=right, n_tokens=1)
        for row in ROWS
        if row.chosen is None
        for right in range(len(row.choices))
    }
    assert earned == {0.0}


@pytest.mark.parametrize(("name", "index"), [(name, i) for name in ANY_OF for i in range(len(getattr(phrases, name)))])
def test_each_phrase_is_needed(monkeypatch, name, index):
    table = getattr(phrases, name)
    whole, rest = "|".join(table), without(table, index)
    for module in [module for key, module in sys.modules.items() if key.startswith("visualzero.evaluation.reading.")]:
        for attribute, value in list(vars(module).items()):
            if isinstance(value, re.Pattern) and value.pattern == whole:
                monkeypatch.setattr(module, attribute, phrases.any_of(rest or ("(?!)",)))
    assert misread() is not None


@pytest.mark.parametrize(
    ("name", "index"), [(name, i) for name in PREDICATES for i in range(len(getattr(roles, name)))]
)
def test_each_predicate_is_needed(monkeypatch, name, index):
    monkeypatch.setattr(roles, name, without(getattr(roles, name), index) or ("(?!)",))
    monkeypatch.setattr(roles, "PREDICATES", roles.predicates())
    assert misread() is not None


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_each_rule_is_needed(monkeypatch, rule):
    monkeypatch.setattr(rules, "RULES", tuple(one for one in rules.RULES if one is not rule))
    assert misread() is not None


@pytest.mark.parametrize("step", plain.STEPS, ids=lambda step: step.__name__)
def test_each_step_towards_a_plain_text_is_needed(monkeypatch, step):
    monkeypatch.setattr(plain, "STEPS", tuple(one for one in plain.STEPS if one is not step))
    options_of.cache_clear()
    found = misread()
    options_of.cache_clear()
    assert found is not None
