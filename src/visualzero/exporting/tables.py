"""Tables for a paper: scores and planned comparisons of each benchmark as CSV, Markdown and LaTeX (booktabs).

CSV has the numbers as they are (shares from 0 to 1), the other two have percent and points with one decimal.
"""

import re
from pathlib import Path

import pandas as pd

from visualzero.frames import Results
from visualzero.manifest import atomic
from visualzero.progress import say
from visualzero.wording import interval, number, p_value, percent, signed

TASK = "task_"


def export_tables(results: Results, out: Path) -> None:
    """Write `<out>/{scores,comparisons}-<benchmark>.{csv,md,tex}`; a benchmark without comparisons has the first alone.

    Raises:
        UserError: if the summary can't be read.
    """
    for benchmark in results.benchmarks:
        for name, frame, show in (
            ("scores", results.scores, shown_scores),
            ("comparisons", results.comparisons, shown_comparisons),
        ):
            mine = frame[frame["benchmark"] == benchmark] if len(frame) else frame
            if not len(mine):
                continue
            mine = mine.drop(columns="benchmark").dropna(axis="columns", how="all")
            shown = show(mine)
            texts = {"csv": mine.to_csv(index=False, float_format="%.6g"), "md": markdown(shown), "tex": latex(shown)}
            for kind, text in texts.items():
                file = out / f"{name}-{benchmark}.{kind}"
                with atomic(file) as temporary:
                    temporary.write_text(text, encoding="utf-8")
                say(str(file))


def shown_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores as they are read: accuracy with its interval, by task, how many answers could be read, tokens."""
    rows = []
    for row in scores.to_dict("records"):
        tasks = {name.removeprefix(TASK): percent(row[name]) for name in scores if str(name).startswith(TASK)}
        rows.append(
            {
                "Arm": row["title"],
                "Seed": str(row["seed"]),
                "Accuracy": f"{percent(row['accuracy'])} {interval((row['low'], row['high']))}",
                **tasks,
                "Read": percent(row["parsed"]),
                "Wanted form": percent(row["wanted_form"]),
                "Tokens": number(row["tokens"], 0),
            }
        )
    return pd.DataFrame(rows)


def shown_comparisons(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Comparisons as they are read: a difference with its interval, and what it is made of."""
    rows = [
        {
            "A": row["a"],
            "B": row["b"],
            "Seed": str(row["seed"]),
            "A - B": f"{signed(row['difference'])} {interval((row['low'], row['high']))}",
            "Form": signed(row.get("form")),
            "Capability": signed(row.get("capability")),
            "p (Holm)": p_value(row["p_holm"]),
        }
        for row in comparisons.to_dict("records")
    ]
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """A table of texts in Markdown, numbers to the right."""
    names = list(table.columns)
    kinds = ["---:" if _numeric(table[name]) else "---" for name in names]
    rows = [names, kinds, *table.to_numpy().tolist()]
    return "".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in row)} |\n" for row in rows)


def latex(table: pd.DataFrame) -> str:
    """The same for LaTeX: a tabular with the rules of booktabs."""
    columns = "".join("r" if _numeric(table[name]) else "l" for name in table)
    text = table.to_latex(index=False, escape=True, column_format=columns)
    return text.replace("\N{MINUS SIGN}", "$-$").replace("\N{EN DASH}", "--").replace("< ", "$<$ ")


def _numeric(column: "pd.Series[str]") -> bool:
    return bool(column.map(lambda text: re.match(r"(< |[+\N{MINUS SIGN}])?\d|\N{EN DASH}$", text) is not None).all())
