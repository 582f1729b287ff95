"""A gain's parts: they add up, are Shapley's, turn around with the arms, and their intervals cover the truth."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from visualzero.evaluation.statistics.gain import gain_values
from visualzero.evaluation.statistics.split import COLUMNS, PARTS, Measured, split

Factors = dict[str, float]
LESS: Factors = {"form": 0.6, "prior": 0.4, "sight": 0.1, "thought": 0.0}
MORE: Factors = {"form": 0.95, "prior": 0.42, "sight": 0.25, "thought": 0.15}
N = 800  # the demo's questions


def arm(factors: Factors, n: int, rng: np.random.Generator, thoughts: bool = True) -> Measured:
    """An arm whose factors are these on average; answers from thoughts are means of eight."""
    form, prior, sight, thought = (factors[name] for name in PARTS)
    luck = rng.random(n)  # what of a question all conditions share

    def answers(chance: float, samples: int) -> tuple[np.ndarray, np.ndarray]:
        read = rng.random((n, samples)) < form
        own = 0.5 * luck[:, None] + 0.5 * rng.random((n, samples))
        share = chance if chance < 0.5 else 1 - chance
        edge = np.sqrt(share / 2)  # the sum of two halves of uniform variables is below it with this chance
        right = own < edge if chance < 0.5 else own > edge
        return read.mean(axis=1), (read & right).mean(axis=1)

    columns = [
        *answers(prior + sight + thought, 1),
        *answers(prior, 1),
        *answers(prior + sight + thought, 8),
        *answers(prior + sight, 8),
    ]
    return Measured(np.column_stack(columns), thoughts)


def accuracy(factors: Factors) -> float:
    return factors["form"] * (factors["prior"] + factors["sight"] + factors["thought"])


def shapley(a: Factors, b: Factors, value: Callable[[Factors], float]) -> dict[str, float]:
    """By going through all orders."""
    found = dict.fromkeys(PARTS, 0.0)
    orders = list(permutations(PARTS))
    for order in orders:
        now = dict(b)
        for name in order:
            before = value(now)
            now[name] = a[name]
            found[name] += (value(now) - before) / len(orders)
    return found


def expected(factors: Factors) -> Measured:
    """One question of which every share is what it is on average."""
    form, prior, sight, thought = (factors[name] for name in PARTS)
    chances = (prior + sight + thought, prior, prior + sight + thought, prior + sight)
    return Measured(np.array([[one for chance in chances for one in (form, form * chance)]]), True)


def test_parts_are_the_mean_over_all_orders_and_add_up() -> None:
    found = split(expected(MORE), expected(LESS), ["a"])
    assert found
    assert found.parts == pytest.approx(shapley(MORE, LESS, accuracy))
    assert sum(found.parts.values()) == pytest.approx(found.difference)
    assert found.difference == pytest.approx(accuracy(MORE) - accuracy(LESS))


def test_parts_turn_around_with_the_arms() -> None:
    rng = np.random.default_rng(0)
    a, b = arm(MORE, N, rng), arm(LESS, N, rng)
    images = np.arange(N)
    found, turned = split(a, b, images), split(b, a, images)
    assert found
    assert turned
    assert turned.parts == pytest.approx({name: -points for name, points in found.parts.items()})


def test_form_is_what_the_plain_split_calls_so_and_the_rest_its_capability() -> None:
    rng = np.random.default_rng(1)
    measured = [arm(factors, N, rng) for factors in (MORE, LESS)]
    found = split(*measured, np.arange(N))
    assert found
    rows = [
        [
            {"id": i, "image_id": i, "correct": right, "parse_class": "parsed" if read else "none"}
            for i, (read, right) in enumerate(one.counts[:, :2].astype(bool).tolist())
        ]
        for one in measured
    ]
    values = gain_values(*rows)
    assert values
    form, capability = (float(each.mean()) for each in values)
    assert found.parts["form"] == pytest.approx(form)
    assert sum(found.parts[name] for name in PARTS[1:]) == pytest.approx(capability)


def test_where_thoughts_were_left_alone_they_are_part_of_sight() -> None:
    rng = np.random.default_rng(2)
    a, b = arm(MORE, N, rng), arm(LESS, N, rng)
    whole, part = split(a, b, np.arange(N)), split(a, Measured(b.counts, False), np.arange(N))
    assert whole
    assert part
    assert list(part.parts) == ["form", "prior", "sight"]
    assert part.parts["sight"] == pytest.approx(whole.parts["sight"] + whole.parts["thought"])


def test_an_arm_that_answers_nothing_readably_cannot_be_split() -> None:
    rng = np.random.default_rng(3)
    silent = Measured(np.zeros((N, len(COLUMNS))), True)
    assert split(arm(MORE, N, rng), silent, np.arange(N)) is None


def test_the_same_counts_give_the_same_intervals() -> None:
    rng = np.random.default_rng(4)
    a, b = arm(MORE, 50, rng), arm(LESS, 50, rng)
    assert split(a, b, np.arange(50)) == split(a, b, np.arange(50))


def test_intervals_cover_the_planted_parts() -> None:
    rng, held, truth = np.random.default_rng(5), [], shapley(MORE, LESS, accuracy)
    for _ in range(200):
        found = split(arm(MORE, N, rng), arm(LESS, N, rng), np.arange(N), draws=1_000)
        assert found
        held.append([low <= truth[name] <= high for name, (low, high) in found.intervals.items()])
    assert 0.93 <= np.mean(held) <= 0.97


def test_questions_about_one_image_widen_the_intervals() -> None:
    rng = np.random.default_rng(6)
    a, b = (Measured(np.repeat(arm(factors, N // 4, rng).counts, 4, axis=0), True) for factors in (MORE, LESS))
    apart, together = split(a, b, np.arange(N)), split(a, b, np.repeat(np.arange(N // 4), 4))
    assert apart
    assert together
    widths = [np.diff(one.intervals["thought"])[0] for one in (together, apart)]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.2)
