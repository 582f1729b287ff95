"""Reward terms before any GPU is used: what there is, and what a term would have paid for recorded completions.

`visualzero rewards` and `visualzero rewards try TERM FILE`.
"""

import ast
import json
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pandas as pd

from visualzero.config import Grpo, Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.prompts import forced_prefix
from visualzero.rewards import reward_terms, score_completion
from visualzero.training.rollouts import rollout_names
from visualzero.wording import clean

REWARDS = Path(__file__).parent / "rewards"
WIDTH = 100  # characters of a completion that is shown
SHOWN = 3


def terms_text(study: Study) -> str:
    """Every term with its docstring and the rewards of the study that use it."""
    parts = []
    for name in reward_terms():
        uses = {key: reward.terms[name] for key, reward in study.rewards.items() if name in reward.terms}
        used = ", ".join(f"{key} (weight {weight:g})" for key, weight in uses.items()) or "no reward"
        parts.append(f"{name}: used by {used}\n{_docstring(REWARDS / f'{name}.py')}\n")
    return "\n".join(parts).rstrip()


def _docstring(path: Path) -> str:
    """What the `score` function of a term says of itself, or else its file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "score"]
    said = next((text for node in functions if (text := ast.get_docstring(node))), ast.get_docstring(tree)) or ""
    return "\n".join(f"    {line}".rstrip() for line in said.splitlines())


def try_term(study: Study, layout: Layout, term: str, path: Path) -> dict[str, Any]:
    """What `term` pays for the completions of a table: of a run's rollouts.parquet, or JSONL of the user's.

    Needed columns: completion; choices and answer_index, or the id of a training question. Used where they are there:
    n_tokens (else words are counted), step, and reward_<term>, with which the values are compared.

    Raises:
        UserError: if the term is unknown, or the table can't be read or lacks a column.
    """
    if term not in reward_terms():
        score_completion({term: 1.0}, "", choices=[], answer_index=0, n_tokens=0)  # says which one is meant
    table = _with_questions(_read(path), path, layout)
    prefix, limit = _of_run(study, path)
    rows = table.assign(rollout=_rollouts(table, path)).to_dict("records")
    values = [_value(term, row, prefix, limit) for row in rows]
    order = sorted(range(len(rows)), key=lambda index: values[index])
    recorded = table.get(f"reward_{term}")
    groups = table.assign(value=values).groupby(["step", "id"])["value"] if {"step", "id"} <= set(table) else None
    return {
        "term": term,
        "completions": len(rows),
        "mean": fmean(values),
        "spread": pstdev(values),
        "least": min(values),
        "most": max(values),
        "values": {f"{value:g}": values.count(value) for value in sorted(set(values))[:9]},
        "tokens": "n_tokens" if "n_tokens" in table else "words",
        "groups_without_spread": float((groups.nunique() == 1).mean()) if groups is not None else None,
        "unlike_recorded": int((recorded - pd.Series(values)).abs().gt(1e-6).sum()) if recorded is not None else None,
        "lowest": [_shown(rows[index], values[index]) for index in order[:SHOWN]],
        "highest": [_shown(rows[index], values[index]) for index in reversed(order[-SHOWN:])],
    }


def trial_text(found: dict[str, Any]) -> str:
    """The result of `try_term` for reading."""
    lines = [
        f"{found['term']}: mean {found['mean']:.4g}, standard deviation {found['spread']:.4g}, from {found['least']:g}"
        f" to {found['most']:g}, over {found['completions']} completions",
        "values: " + ", ".join(f"{value} ({count} times)" for value, count in found["values"].items()),
    ]
    if found["groups_without_spread"] is not None:
        lines.append(
            f"groups in which all earn the same, so that nothing is learnt: {found['groups_without_spread']:.0%}"
        )
    if found["unlike_recorded"] is not None:
        lines.append(f"unlike what was recorded: {found['unlike_recorded']} of {found['completions']}")
    if found["tokens"] == "words":
        lines.append("lengths: in words, since the table has no column n_tokens")
    for title in ("highest", "lowest"):
        lines += [f"{title}:", *(f"  {one['value']:g}  {one['completion']}" for one in found[title])]
    return "\n".join(lines)


def _read(path: Path) -> pd.DataFrame:
    readers = {".parquet": pd.read_parquet, ".jsonl": lambda file: pd.read_json(file, lines=True, dtype=False)}
    if path.suffix not in readers:
        raise UserError(f"{path}: completions are read from {', '.join(readers)}: convert the table")
    try:
        table = readers[path.suffix](path)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path}: can't be read ({reason}): give a run's rollouts.parquet") from None
    if "completion" not in table:
        raise UserError(f"{path}: column 'completion' is missing: give a run's rollouts.parquet, or JSONL with it")
    if table.empty:
        raise UserError(f"{path}: no completions: give a table that has some")
    return table


def _with_questions(table: pd.DataFrame, path: Path, layout: Layout) -> pd.DataFrame:
    """The table with each row's choices and answer_index."""
    if {"choices", "answer_index"} <= set(table):
        return table
    if "id" not in table:
        raise UserError(f"{path}: no columns choices and answer_index, and no id of a training question: add either")
    source = _questions(path, layout)
    known = read_questions(source, images=False).set_index("id")
    known = known[[name for name in ("choices", "answer_index", "answer_kind") if name in known]]
    if unknown := sorted(set(table["id"]) - set(known.index)):
        raise UserError(f"{path}: question '{unknown[0]}' is not in {source}: give its scale with --set scale=...")
    return table.join(known, on="id")


def _questions(path: Path, layout: Layout) -> Path:
    """The training questions of the run that a table lies in, wherever that is, or else of the study."""
    beside = path.parents[3] / "data" / "train.parquet" if len(path.parents) > 3 else path
    return beside if beside.is_file() and path.parents[2].name == "runs" else layout.questions("train")


def _of_run(study: Study, path: Path) -> tuple[str, int | None]:
    """What the prompt of a run had written of its completions, and their limit; the recipe's for another table."""
    parts = path.parts
    arm = parts[-3] if len(parts) > 3 and parts[-4] == "runs" else ""
    recipe = study.recipe(arm) if arm in study.arms else study.grpo
    prefix = forced_prefix(study.arm(arm).prompt) if arm in study.arms else ""
    return prefix, recipe.max_completion if isinstance(recipe, Grpo) else None


def _rollouts(table: pd.DataFrame, path: Path) -> pd.Series | str:
    """Which rollout of its run each completion is, where the table tells it."""
    of_run = len(path.parts) > 3 and path.parts[-4] == "runs" and path.parts[-2].isdigit()
    if not (of_run and {"step", "id"} <= set(table)):
        return ""
    seed = int(path.parts[-2])
    return table.groupby("step")["id"].transform(lambda ids: rollout_names(seed, ids.name - 1, list(ids)))


def _value(term: str, row: dict[str, Any], prefix: str, limit: int | None) -> float:
    text = str(row["completion"])
    values = score_completion(
        {term: 1.0},
        prefix + text,
        choices=list(row["choices"]),
        answer_index=int(row["answer_index"]),
        n_tokens=int(row.get("n_tokens", len(text.split()))),
        max_tokens=limit,
        answer_kind=str(row.get("answer_kind", "choice")),
        rollout=row["rollout"],
        where=f"question {row['id']}" if "id" in row else "a completion",
    )
    return values[term]


def _shown(row: dict[str, Any], value: float) -> dict[str, Any]:
    text = json.dumps(clean(str(row["completion"])), ensure_ascii=False)
    return {"value": value, "completion": text if len(text) <= WIDTH else f"{text[:WIDTH]}..."}
