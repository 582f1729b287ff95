"""The agreement matrix: shares of rows that two scorers read alike."""

from visualzero.evaluation.summary.scorer_agreement import agreement

ROWS = [
    {"answer_index": 0, "readings": {"strict": 0, "lmms": 0}},
    {"answer_index": 1, "readings": {"strict": 1, "lmms": None}},
    {"answer_index": 1, "readings": {"strict": None, "lmms": None}},
    {"answer_index": 0, "readings": {"strict": 0, "lmms": 2}},
]


def test_each_scorer_has_its_accuracy_and_parse_rate() -> None:
    found = agreement(ROWS)
    assert found["n"] == 4
    assert found["scorers"]["strict"] == {"accuracy": 0.75, "parse_rate": 0.75}
    assert found["scorers"]["lmms"] == {"accuracy": 0.25, "parse_rate": 0.5}


def test_two_scorers_agree_where_both_read_the_same_or_neither_reads_anything() -> None:
    same = agreement(ROWS)["same"]
    assert same["strict"]["lmms"] == same["lmms"]["strict"] == 0.5
    assert same["strict"]["strict"] == same["lmms"]["lmms"] == 1


def test_the_order_is_that_of_the_readings() -> None:
    found = agreement(ROWS)
    assert list(found["scorers"]) == list(found["same"]) == list(found["same"]["lmms"]) == ["strict", "lmms"]
