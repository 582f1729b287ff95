"""Two sets of scored responses to the same questions: which answers flipped, and what the paired statistics say."""

from collections.abc import Iterator
from typing import Any

from visualzero.evaluation.comparing.planned import Pair, comparisons
from visualzero.evaluation.comparing.same_questions import require_same_questions
from visualzero.evaluation.comparing.scored import Row, Scored, option, with_readings
from visualzero.evaluation.statistics import is_parsed, share_interval
from visualzero.wording import clean, interval, listed, p_value, percent, signed

WIDTH = 100  # characters of a question that are shown


def compare(a: Scored, b: Scored, margin: float) -> dict[str, Any]:
    """The comparison as one dict; `margin` is the difference up to which the two are called equal.

    Returns:
        `a` and `b` (name, accuracy, interval, and parse_rate where the rows have a reading), what `planned.comparisons`
        says of a minus b (`gain` and `gain_claim` are None without readings), and `flipped`: for each question that
        only one side got right its id, `right_in`, question, right answer and both predictions.

    Raises:
        UserError: if the two aren't about the same questions.
    """
    require_same_questions(a, b)
    seeds = sorted({side.seed for side in (a, b) if side.seed is not None})
    rows = with_readings(a.rows), with_readings(b.rows)
    pair = Pair(a.name, b.name, a.name, b.name, bool(seeds), {0: rows})
    halves = a.halves if a.halves == b.halves else ((), ())
    [found] = comparisons([pair], [0], margin, halves, _under(seeds))
    if not (_has_readings(a) and _has_readings(b)):
        found |= {"gain": None, "gain_claim": None}
    left_out = ("a", "b", "seed", "p_holm")
    return {
        "a": _side(a),
        "b": _side(b),
        **{key: value for key, value in found.items() if key not in left_out},
        "flipped": list(_flipped(a, b)),
    }


def _under(seeds: list[int]) -> str:
    """The seeds that two runs were trained with, in words."""
    return f"seed{'s' * (len(seeds) > 1)} {listed(map(str, seeds))}" if seeds else ""


def comparison_text(result: dict[str, Any]) -> str:
    """A comparison as lines for the terminal."""
    lines = [f"{key.upper()}  {_side_text(result[key], result['n'])}" for key in ("a", "b")]
    lines += ["", result["claim"]]
    counts = f"only A right {result['b10']}, only B right {result['b01']}"
    tests = f"McNemar p {p_value(result['p_value'])}"
    if result["n_images"] < result["n"]:
        tests += f", by image p {p_value(result['p_clustered'])} ({result['n_images']} images)"
    lines.append(f"{counts}; {tests}; standard error {percent(result['error'])} points")
    if official := result["official"]:
        points = f"{signed(official['difference'])} points {interval(official['interval'])}"
        lines.append(f"official score: A minus B {points}, p {p_value(official['p_value'])}")
    if result["gain_claim"]:
        lines.append(result["gain_claim"])
    if result["scorers_claim"] and not result["changes_sign"]:  # else the claim has it
        lines.append(result["scorers_claim"])
    for key, count in (("a", result["b10"]), ("b", result["b01"])):
        lines += ["", f"Only {key.upper()} is right: {count}"]
        for row in result["flipped"]:
            if row["right_in"] == key:
                lines += _flipped_text(row)
    return clean("\n".join(lines))


def _has_readings(side: Scored) -> bool:
    return all("prediction" in row or "parse_class" in row for row in side.rows)


def _side(side: Scored) -> dict[str, Any]:
    right = [row["correct"] for row in side.rows]
    return {
        "name": side.name,
        "accuracy": sum(right) / len(right),
        "interval": share_interval(right, [row["image_id"] for row in side.rows]),
        "parse_rate": sum(map(is_parsed, side.rows)) / len(right) if _has_readings(side) else None,
    }


def _side_text(side: dict[str, Any], n: int) -> str:
    parsed = "" if side["parse_rate"] is None else f", {percent(side['parse_rate'])} % parsed"
    return f"{side['name']}: {percent(side['accuracy'])} % {interval(side['interval'])} of {n} right{parsed}"


def _flipped(a: Scored, b: Scored) -> Iterator[dict[str, Any]]:
    of_b = {row["id"]: row for row in b.rows}
    for row in a.rows:
        other = of_b[row["id"]]
        if row["correct"] == other["correct"]:
            continue
        facts = {**other, **{key: value for key, value in row.items() if value is not None}}
        right = facts.get("answer_index")
        yield {
            "id": row["id"],
            "right_in": "a" if row["correct"] else "b",
            "task": facts.get("task"),
            "question": facts.get("question"),
            "answer": None if right is None else option(facts, right),
            "prediction_a": _prediction(row, facts),
            "prediction_b": _prediction(other, facts),
        }


def _prediction(row: Row, facts: Row) -> str | None:
    """What was chosen, in words; None if the row doesn't say."""
    return option(facts, row["prediction"]) if "prediction" in row else None


def _flipped_text(row: dict[str, Any]) -> list[str]:
    question = " ".join(filter(None, [row["task"] and f"[{row['task']}]", row["question"]]))
    if len(question) > WIDTH:
        question = question[: WIDTH - 2].rstrip() + " …"
    known = {"right": row["answer"], "A": row["prediction_a"], "B": row["prediction_b"]}
    answers = ", ".join(f"{who} {what}" for who, what in known.items() if what is not None)
    return [f"  {row['id']}  {' '.join(question.split())}".rstrip(), *([f"      {answers}"] if answers else [])]
