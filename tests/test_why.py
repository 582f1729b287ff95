"""Changes in words."""

from pathlib import Path

import pytest
import yaml

from visualzero import jobs
from visualzero.config import Study, load_study
from visualzero.fingerprint import digest
from visualzero.layout import Layout
from visualzero.reruns.causes import UNKNOWN, changes
from visualzero.reruns.ledger import recall, remember
from visualzero.reruns.plan import Planned
from visualzero.reruns.why import NOTHING, why, why_text

ROOT = Path(__file__).resolve().parents[1]


def study(**overrides: object) -> Study:
    return load_study(yaml.safe_load((ROOT / "config/config.yaml").read_text()) | overrides, ROOT)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"code rewards/format.py": "a"}, {"code rewards/format.py": "b"}, ["reward term format changed"]),
        ({"code prompts/chat.jinja": "a"}, {"code prompts/chat.jinja": "b"}, ["prompt chat changed"]),
        ({"code envs/train.yaml": "a"}, {"code envs/train.yaml": "b"}, ["software env train.yaml changed"]),
        ({"code training/run.py": "a"}, {"code training/run.py": "b"}, ["code training/run.py changed"]),
        ({}, {"code training/new.py": "b"}, ["code training/new.py is new"]),
        ({"rule predict": "a"}, {"rule predict": "b"}, ["command of rule predict changed"]),
        ({"setting recipe.steps": "50"}, {"setting recipe.steps": "60"}, ["recipe.steps 50 is now 60"]),
        (
            {"setting reward.format": "1.0"},
            {"setting reward.format": "0.5"},
            ["weight of reward term format 1.0 is now 0.5"],
        ),
        (
            {},
            {"setting reward.length": "0.001", "code rewards/length.py": "a"},
            ["weight of reward term length 0.001 is new"],
        ),
        (None, {"setting seed": "1"}, [UNKNOWN]),
    ],
    ids=str,
)
def test_a_change_of_parts_is_told_in_words(before: dict[str, str], after: dict[str, str], words: list[str]) -> None:
    assert changes(before, after) == words


def test_parts_are_kept_by_their_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = jobs.run_parts(study(), "base-grpo", 1)
    monkeypatch.chdir(tmp_path)
    remember(Layout("demo"), parts)
    assert recall(Layout("demo"), digest(parts)) == parts
    assert digest(parts) == jobs.run_fingerprint(study(), "base-grpo", 1)
    assert recall(Layout("demo"), "0" * 16) is None


def planned(rule: str, reasons: dict[str, list[str]], follows: tuple[Planned, ...] = (), **wildcards: str) -> Planned:
    output = (f"{rule} {' '.join(wildcards.values())}",)
    return Planned(rule, wildcards, output, reasons, list(follows), after_others=not reasons)


def test_each_change_is_told_with_the_jobs_that_follow_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "envs").symlink_to(ROOT / "envs")
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    old = jobs.run_parts(study(), "base-grpo", 1) | {"code rewards/format.py": "before"}
    remember(Layout("demo"), old)
    page = planned("page", {})
    scores = tuple(
        planned(rule, {}, arm="base-grpo", seed="1", control=control)
        for rule in ("predict", "score")
        for control in ("", ".no_image")
    )
    reasons = {"params": [repr(digest(old))]}
    run = planned("train_grpo", reasons, (*scores, page), arm="base-grpo", seed="1")
    found = why(study(), Layout("demo"), [run, *scores, page])
    assert why_text(found).splitlines() == [
        "grpo/base-grpo: reward term format changed; 1 training, 2 evaluations, report",
        "in all: 1 training, 2 evaluations, report",
    ]
    assert found["changes"][0]["jobs"] == {"training": 1, "evaluation": 2, "scoring": 2, "report": 1}
    assert len(found["jobs"]) == 6


def test_where_nothing_would_run_that_is_said() -> None:
    assert why_text(why(study(), Layout("demo"), [])) == NOTHING
