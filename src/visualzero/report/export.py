"""The tables of arms and the comparisons as CSV and as Markdown."""

import csv
import html
import io
from collections.abc import Callable, Iterable
from typing import Any

from visualzero.report.summary import Summary
from visualzero.report.tables import ArmTable, Row
from visualzero.report.text import NOT_RUN
from visualzero.wording import NONE, exists, interval, number, p_value, percent

PAPER = "paper (Qwen2-VL-2B, CV-Bench)"


def _values(row: Row, tasks: list[str], show: Callable[[float | None], str]) -> list[str]:
    """Micro, official, tasks, parse and format rate of a row."""
    cell = row.cell
    if cell is None:
        return [show(None)] * (len(tasks) + 4)
    scores = [cell.tasks[task].accuracy if task in cell.tasks else None for task in tasks]
    return [show(value) for value in (cell.micro, cell.official, *scores, cell.parse_rate, cell.format_rate)]


def csv_text(tables: Iterable[ArmTable]) -> str:
    """All tables as one CSV: shares from 0 to 1, empty where there is no number, `status` run or not run."""
    tables = list(tables)
    tasks = list(dict.fromkeys(task for table in tables for task in table.tasks))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["benchmark", "kind", "arm", "title", "recipe", "init", "prompt", "seed", "status", "micro", "official"]
    head += [*(f"task_{task}" for task in tasks), "parse_rate", "format_rate", "micro_low", "micro_high", "n"]
    writer.writerow([*head, "response_tokens_mean", "paper_qwen2vl2b_cvbench_micro_percent"])
    for table in tables:
        for row in table.rows:
            arm, cell = row.arm, row.cell
            facts = [arm.name, row.title, arm.recipe, arm.init, arm.prompt] if arm else ["", row.title, "", "", ""]
            status = "run" if cell else NOT_RUN
            shares = _values(row, tasks, lambda value: f"{value:.6g}" if value is not None and exists(value) else "")
            rest: list[Any] = (
                [*(cell.micro_interval or ("", "")), cell.n, cell.response_tokens.mean] if cell else [""] * 4
            )
            paper = arm.paper if arm and row.kind == "arm" else None
            writer.writerow([table.benchmark, row.kind, *facts, row.seed, status, *shares, *rest, paper])
    return out.getvalue()


def markdown_text(tables: Iterable[ArmTable], summary: Summary, note: str) -> str:
    """All tables and the comparisons of `summary` in Markdown, in percent."""
    lines = [f"> {note}", ""]
    for table in tables:
        names = ["Arm", "Recipe", "Prompt", "Micro %", "95 % interval", "Official", *table.tasks, "Parsed", "Format"]
        names += ["Tokens", PAPER]
        lines += [f"## {_plain(table.benchmark)}", "", _line(names), _line(["---"] * 3 + ["---:"] * (len(names) - 3))]
        for row in table.rows:
            arm, cell = row.arm, row.cell
            micro, *shares = _values(row, table.tasks, percent) if cell else [NOT_RUN, *[NONE] * (len(table.tasks) + 3)]
            title = row.title + (f" ({row.note})" if row.note else "")
            facts = [arm.recipe, arm.prompt] if arm else ["", ""]
            tokens = number(cell.response_tokens.mean) if cell else NONE
            paper = f"{arm.paper:.2f}" if arm and row.kind == "arm" and arm.paper is not None else ""
            lines.append(
                _line([title, *facts, micro, interval(cell.micro_interval) if cell else "", *shares, tokens, paper])
            )
        lines.append("")
        for over_seeds in summary.comparisons_over_seeds.get(table.benchmark, []):
            lines.append(f"- {_plain(over_seeds.claim)}")
        for found in summary.comparisons.get(table.benchmark, []):
            lines.append(f"- {_plain(found.claim)} (McNemar p {p_value(found.p_value)})")
            lines += [f"  - {_plain(found.gain_claim)}"] if found.gain_claim else []
        lines += [f"- {_plain(carried.claim)}" for carried in summary.transfers.get(table.benchmark, [])]
        lines.append("")
    return "\n".join(lines)


def _line(values: Iterable[str]) -> str:
    return "| " + " | ".join(_plain(value) for value in values) + " |"


def _plain(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")
