"""How large a study has to be: `visualzero power`, from assumptions or from what an earlier study has seen."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.evaluation.comparing.same_questions import require_same_questions
from visualzero.evaluation.comparing.scored import read_scored
from visualzero.evaluation.statistics import Spread, detectable, paired_difference, questions_needed
from visualzero.layout import Layout
from visualzero.wording import clean, percent


@dataclass(frozen=True)
class Assumed:
    """What is assumed where nothing has been seen, and what overrides what has.

    `discordance` is the share of questions that only one of both arms gets right; `seed_sd` the standard deviation of
    the true difference over trainings; `shared` the part of a question's variance that is the same for all trainings;
    `per_image` how many questions share an image, and `alike` the correlation of those.
    """

    discordance: float | None = None
    seed_sd: float | None = None
    shared: float | None = None
    per_image: float | None = None
    alike: float | None = None


DEFAULT = Assumed(0.4, 0.02, 0.5, 1.0, 0.3)


@dataclass(frozen=True)
class Seen:
    """The spread of a difference, how many questions share an image, and where both are from."""

    spread: Spread
    per_image: float
    where: str


def seen_in(
    names: Sequence[str],
    pair: Sequence[str] | None,
    study: Callable[[], tuple[Study, Layout]],
    benchmark: str | None,
    assumed: Assumed,
) -> Seen:
    """The spread to plan with.

    Args:
        names: none, a summary.json, or two scored files or runs.
        pair: of a summary, the two arms; its first comparison over seeds if None.
        study: the study and its layout, asked only for runs.
        benchmark: of a summary or of runs; the first if None.
        assumed: what is given by hand.

    Raises:
        UserError: if a file is not there or isn't what it should be, or there are three names.
    """
    if not names:
        return _assumed(assumed)
    if len(names) == 1:
        return _of_summary(Path(names[0]), pair, benchmark, assumed)
    if len(names) > 2:
        raise UserError(f"{len(names)} files: give none, one summary.json, or the scored responses of two arms")
    a, b = (read_scored(name, study, benchmark) for name in names)
    require_same_questions(a, b)
    found = paired_difference(a.rows, b.rows)
    return _of_run(found.error**2 * found.n, found.n / found.n_images, f"{a.name} and {b.name}", assumed)


def plan(
    seen: Seen, seeds: Sequence[int], questions: Sequence[int], difference: float | None, power: float, level: float
) -> dict[str, Any]:
    """What studies of so many seeds and questions find, and what it takes to find `difference` (None: not asked).

    Returns:
        `spread` (Spread's fields), `per_image`, `where`, `power`, `level`; `detectable`, by seeds and by questions; and
        `needed`, by seeds the fewest questions, or None where no number is enough.
    """
    found = {
        str(k): {str(n): detectable(seen.spread, k, n, _images(n, seen), power, level) for n in questions}
        for k in seeds
    }
    needed = {
        str(k): questions_needed(difference, seen.spread, k, seen.per_image, power, level) if difference else None
        for k in seeds
    }
    return {
        "spread": asdict(seen.spread),
        "per_image": seen.per_image,
        "where": seen.where,
        "power": power,
        "level": level,
        "detectable": found,
        "difference": difference,
        "needed": needed if difference else None,
    }


def plan_text(made: dict[str, Any]) -> str:
    """A plan as lines for the terminal, at most 80 characters wide with the usual numbers of questions."""
    spread = made["spread"]
    within = spread["shared"] + spread["single"]
    shared = percent(spread["shared"] / within if within else 0)
    asked = f"{percent(made['power'])} % power at {percent(made['level'])} %"
    lines = [
        f"Spread: {percent(spread['seeds'])} points over trainings (standard deviation); within a training",
        f"{within:.3f} per question, {shared} % of it shared by all; {made['per_image']:.2g} questions an image",
        f"From: {made['where']}",
        "",
        f"The true difference, in points, that is found with {asked}:",
        "",
    ]
    counts = list(next(iter(made["detectable"].values())))
    head = f"{'seeds':>7} |" + "".join(f"{count:>9}" for count in counts) + "  questions"
    lines += [head, "-" * len(head)]
    for seeds, found in made["detectable"].items():
        row = f"{seeds:>7} |" + "".join(f"{percent(value):>9}" for value in found.values())
        lines.append(row + ("  of that training only" if seeds == "1" else ""))
    if made["needed"]:
        lines += ["", f"Questions that it takes to find {percent(made['difference'])} points:", ""]
        for seeds, count in made["needed"].items():
            told = f"{count:,}" if count else "no number is enough: it takes more seeds"
            lines.append(f"{seeds:>7} seed{'s' * (seeds != '1')}: {told}")
    return clean("\n".join(lines))


def _images(questions: int, seen: Seen) -> int:
    return max(2, round(questions / seen.per_image))


def _assumed(given: Assumed) -> Seen:
    known = _filled(given)
    grown = 1 + (known["per_image"] - 1) * known["alike"]  # the design effect
    return _of_run(known["discordance"] * grown, known["per_image"], "assumptions", given)


def _of_run(variance: float, per_image: float, where: str, given: Assumed) -> Seen:
    """The variance of a question's difference within a training, parted as assumed."""
    known = _filled(given)
    shared = variance * known["shared"]
    return Seen(Spread(known["seed_sd"], shared, variance - shared), per_image, where)


def _of_summary(path: Path, pair: Sequence[str] | None, benchmark: str | None, given: Assumed) -> Seen:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        several, single = content["comparisons_over_seeds"], content["comparisons"]
        name = benchmark or next(iter(single))
        entries = [*several.get(name, []), *single[name]]
        chosen = [entry for entry in entries if pair is None or [entry["a"], entry["b"]] == list(pair)]
        if not chosen:
            known = ", ".join(dict.fromkeys(f"{entry['a']} {entry['b']}" for entry in entries)) or "none"
            raise UserError(f"{path}: no such comparison on {name}: choose --pair from: {known}")
        found = chosen[0]
        per_image = found["n"] / found["n_images"]
        where = f"{path}: {found['a']} minus {found['b']} on {name}"
        if "spread" not in found:
            return _of_run(found["error"] ** 2 * found["n"], per_image, f"{where}, seed {found['seed']}", given)
        spread = Spread(**found["spread"])
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise UserError(
            f"{path}: no summary of a study ({error!r}): give a summary.json, or two scored files"
        ) from None
    if given.seed_sd is not None:
        spread = Spread(given.seed_sd, spread.shared, spread.single)
    return Seen(spread, per_image, f"{where}, {len(found['seeds'])} seeds")


def _filled(given: Assumed) -> dict[str, float]:
    return {key: value if value is not None else getattr(DEFAULT, key) for key, value in asdict(given).items()}
