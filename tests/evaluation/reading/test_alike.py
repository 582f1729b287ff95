"""Options that no text can tell apart, and those that a text can."""

import pytest

from visualzero.evaluation.reading.alike import same_to_the_reader


@pytest.mark.parametrize(
    "pair",
    [
        ("left", "Left"),
        ("left", " left  "),
        ("left", "left."),
        ("2", "two"),
        ("two cubes", "2  cubes"),
        ("-5", "\u22125"),
        ("3-4", "3\u20134"),
        ("5'", "5\u2032"),
        ("45\u00b0", "45\u00ba"),
        ("caf\u00e9", "cafe\u0301"),
        ("left", "le\u200bft"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_options_that_differ_in_what_no_reader_minds_are_the_same(pair):
    assert same_to_the_reader(pair) == [(0, 1)]


@pytest.mark.parametrize(
    "pair",
    [
        ("left", "right"),
        ("5'", '5"'),
        ("(1,2)", "[1,2]"),
        ("*", "+"),
        ("-5", "5"),
        ("3", "3.0"),
        ("2:1", "1:2"),
        ("x", "y"),
        (".", "?"),
        ("x\u00b2", "x2"),
        ("red cube", "redcube"),
        ("the one", "the 1"),
        ("5 m", "5 cm"),
        ("\u5de6", "\u53f3"),
    ],
)
def test_options_that_a_text_can_tell_apart_are_not(pair):
    assert same_to_the_reader(pair) == []


def test_every_pair_is_named_in_order():
    assert same_to_the_reader(["1", "red", "one", "RED", "ONE"]) == [(0, 2), (0, 4), (1, 3), (2, 4)]
