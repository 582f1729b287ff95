"""The labelled responses are read as labelled."""

from itertools import groupby

import pytest
from labelled import labelled

from visualzero.rewards import accuracy

ROWS = labelled()
KINDS = {kind: list(rows) for kind, rows in groupby(ROWS, key=lambda row: row.kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_labelled_response_is_read_as_labelled(kind):
    assert [row for row in KINDS[kind] if not row.is_read_right()] == []


def test_half_of_the_responses_choose_nothing():
    nothing = sum(row.chosen is None for row in ROWS)
    assert len(ROWS) >= 700
    assert 0.4 <= nothing / len(ROWS) <= 0.6


def test_what_chooses_nothing_earns_nothing_whatever_is_right():
    earned = {
        accuracy.score(row.response, choices=list(row.choices), answer_index=right, n_tokens=1)
        for row in ROWS
        if row.chosen is None
        for right in range(len(row.choices))
    }
    assert earned == {0.0}
