"""Fingerprints: an edit changes those of the outputs that it can change, and no others."""

import ast
import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from growth import growth
from visualzero import jobs
from visualzero.config import Study, load_study
from visualzero.errors import UserError
from visualzero.reruns.lineage import stage_fingerprints

ROOT = Path(__file__).resolve().parents[1]
code = importlib.import_module("visualzero.fingerprint")
SOURCES = sorted(path for name in (code.SHARED, "visualzero") for path in code.PACKAGE.with_name(name).rglob("*.py"))
SFT, GRPO, INSTRUCT = "base-sft", "base-grpo", "instruct-grpo"


def study(**overrides: Any) -> Study:
    return load_study(yaml.safe_load((ROOT / "config/config.yaml").read_text()) | overrides, ROOT)


def raw_arms() -> dict[str, Any]:
    """The arms as the config writes them, also those that the demo does not run."""
    arms: dict[str, Any] = yaml.safe_load((ROOT / "config/config.yaml").read_text())["arms"]
    return arms


def forget() -> None:
    """What a new process would know."""
    for cached in (code.closure, code._content, code._imports, code._file):
        cached.cache_clear()


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that appends a line to a file of a copy of the packages, which fingerprints are then taken of."""
    package = tmp_path / "elsewhere" / "visualzero"
    for name in (code.SHARED, "visualzero"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(code.PACKAGE.with_name(name), package.with_name(name), ignore=ignored)
    monkeypatch.setattr(code, "PACKAGE", package)
    monkeypatch.setattr(jobs, "PACKAGE", package)
    forget()

    def append(name: str, line: str = "EDITED = 1\n") -> None:
        with (package / name).open("a") as file:
            file.write(line)
        forget()

    yield append
    forget()


def fingerprints(study: Study) -> dict[str, str]:
    """Every job of the study by name."""
    found = {f"data {name}": jobs.data_fingerprint(study, name) for name in ("train", "toyspace")}
    found |= {f"model {init}": jobs.model_fingerprint(study, init) for init in ("base", "instruct")}
    found |= {f"run {arm}": jobs.run_fingerprint(study, arm, 1) for arm in study.trained_arms()}
    found |= {f"predict {arm}": jobs.predict_fingerprint(study, arm, "toyspace") for arm in study.arms}
    found |= {f"score {arm}": jobs.score_fingerprint(study, arm) for arm in study.arms}
    return found | {"summary": jobs.summary_fingerprint(study), "report": jobs.report_fingerprint(study)}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def kinds(names: set[str]) -> set[str]:
    return {name.split()[0] for name in names}


# Code


def test_the_closure_of_a_module_follows_what_it_imports() -> None:
    found = {code._name(path) for path in code.closure("rewards.accuracy")}
    assert found >= {"rewards/accuracy.py", "evaluation/reading/answer.py"}
    assert not {name for name in found if name.startswith(("training/", "report/", "models/"))}


@pytest.mark.parametrize("line", ["# a comment\n", "\n\n", '"""A string that is no value."""\n'], ids=repr)
def test_comments_and_docstrings_change_nothing(edit: Callable[..., None], line: str) -> None:
    before = fingerprints(study())
    edit("training/grpo.py", line)
    assert fingerprints(study()) == before


def test_the_closure_takes_in_imports_inside_functions() -> None:
    assert code.PACKAGE / "data/toyspace/questions.py" in code.closure("data.build")


def test_no_module_imports_in_a_way_that_closures_do_not_follow() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: a relative import"


def readable(value: object) -> str:
    """A test's name that doesn't hang on the order of a set."""
    return str(sorted(value) if isinstance(value, set) else value)


@pytest.mark.parametrize("module", ["training.sft", "training.grpo", "evaluation.answering.generate"])
def test_what_trains_and_answers_does_not_depend_on_what_scores_and_shows(module: str) -> None:
    found = {code._name(path) for path in code.closure(module)}
    assert f"{module.replace('.', '/')}.py" in found
    assert not {name for name in found if name.startswith(("report/", "evaluation/reading/sco", "evaluation/summary"))}


def test_the_same_code_elsewhere_has_the_same_fingerprints(edit: Callable[..., None]) -> None:
    copied = fingerprints(study())
    assert edit is not None
    forget()
    with pytest.MonkeyPatch.context() as original:
        original.setattr(code, "PACKAGE", ROOT / "src/visualzero")
        original.setattr(jobs, "PACKAGE", ROOT / "src/visualzero")
        assert fingerprints(study()) == copied


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("data/toyspace/render.py", {"data train", "data toyspace"}),
        ("models/fetching.py", {"model base", "model instruct"}),
        ("training/sft.py", {f"run {SFT}"}),
        ("training/grpo.py", {f"run {GRPO}", f"run {INSTRUCT}"}),
        ("training/run.py", {f"run {SFT}", f"run {GRPO}", f"run {INSTRUCT}"}),
        ("rewards/format.py", {f"run {GRPO}", f"run {INSTRUCT}"}),
        ("rewards/length.py", set()),
        ("rewards/coin.py", set()),
        ("progress.py", set()),
        ("training/lease.py", set()),
        ("training/recording.py", set()),
        ("training/trackers.py", set()),
        ("watching/picture.py", set()),
        ("../groupshare/rollout.py", {f"run {GRPO}", f"run {INSTRUCT}"}),
        ("../groupshare/trainers.py", {f"run {GRPO}", f"run {INSTRUCT}"}),
        ("../groupshare/answers.py", {f"run {SFT}", f"run {GRPO}", f"run {INSTRUCT}"}),
        ("../groupshare/stream.py", set()),
        ("../groupshare/README.md", set()),
        ("training/resuming.py", {f"run {SFT}", f"run {GRPO}", f"run {INSTRUCT}"}),
        ("config/training.py", set()),
        ("prompts/r1_zero.jinja", {f"run {GRPO}", f"predict {GRPO}", "predict base-reason"}),
        ("report/figures.py", {"report"}),
        ("report/template.html.jinja", {"report"}),
        ("report/browser.js", {"report"}),
        ("cli/__init__.py", set()),
    ],
)
def test_an_edit_changes_what_depends_on_it(edit: Callable[..., None], file: str, what: set[str]) -> None:
    before = fingerprints(study())
    edit(file)
    assert changed(before, fingerprints(study())) == what


def test_an_edit_of_the_answer_parser_changes_rewards_and_scores_but_no_response(edit: Callable[..., None]) -> None:
    before = fingerprints(study())
    edit("evaluation/reading/answer.py")
    found = changed(before, fingerprints(study()))
    assert {f"run {GRPO}", f"run {INSTRUCT}", *(f"score {arm}" for arm in study().arms)} <= found
    assert not {f"run {SFT}", *(f"predict {arm}" for arm in study().arms)} & found


@pytest.mark.parametrize("file", ["attention", "choosing", "decoding", "caches"])
def test_an_edit_of_what_decodes_changes_rollouts_and_responses(edit: Callable[..., None], file: str) -> None:
    before = fingerprints(study())
    edit(f"../groupshare/{file}.py")
    answers = {f"predict {arm}" for arm in study().arms}
    streams = {f"run {SFT}"} if file == "attention" else set()
    assert changed(before, fingerprints(study())) == {f"run {GRPO}", f"run {INSTRUCT}", *streams, *answers}


def test_an_edit_of_generation_changes_responses_alone(edit: Callable[..., None]) -> None:
    before = fingerprints(study())
    edit("evaluation/answering/generate.py")
    assert kinds(changed(before, fingerprints(study()))) == {"predict"}


def test_a_reward_term_changes_only_arms_that_are_paid_by_it(edit: Callable[..., None]) -> None:
    arms = raw_arms()
    arms[INSTRUCT]["reward"] = "r1-length"
    before = fingerprints(study(arms=arms))
    edit("rewards/length.py")
    assert changed(before, fingerprints(study(arms=arms))) == {f"run {INSTRUCT}"}


def test_a_new_import_is_followed(edit: Callable[..., None]) -> None:
    edit("rewards/length.py", "from visualzero.data.build import open_source\n")
    arms = raw_arms()
    arms[INSTRUCT]["reward"] = "r1-length"
    before = fingerprints(study(arms=arms))
    edit("data/build.py")
    assert f"run {INSTRUCT}" in changed(before, fingerprints(study(arms=arms)))


# Software environments and rules


@pytest.fixture
def edit_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that replaces a text in a copy of envs/ and workflow/, in which the process then works."""
    for part in ("envs", "workflow"):
        shutil.copytree(ROOT / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)

    def replace(name: str, text: str, instead: str) -> None:
        before = (tmp_path / name).read_text()
        assert text in before
        (tmp_path / name).write_text(before.replace(text, instead))
        forget()
        jobs._commands.cache_clear()

    yield replace
    forget()
    jobs._commands.cache_clear()


@pytest.mark.parametrize(
    ("env", "what"),
    [
        ("data", {"data", "model"}),
        ("train", {"run"}),
        ("train-vllm", set()),
        ("evaluate", {"predict", "score", "summary"}),
        ("report", {"report"}),
    ],
    ids=readable,
)
def test_an_env_file_changes_all_of_its_stages_and_no_others(
    edit_project: Callable[..., None], env: str, what: set[str]
) -> None:
    before = fingerprints(study())
    edit_project(f"envs/{env}.yaml", "python=3.11", "python=3.12")
    found = changed(before, fingerprints(study()))
    assert kinds(found) == what
    assert found == {name for name in before if name.split()[0] in what}


def test_pins_and_scripts_beside_an_env_file_are_part_of_it(edit_project: Any, tmp_path: Path) -> None:
    before = fingerprints(study())
    (tmp_path / "envs/report.linux-64.pin.txt").write_text("one\n")
    jobs._env_files.cache_clear()
    assert changed(before, fingerprints(study())) == {"report"}
    jobs._env_files.cache_clear()


@pytest.mark.parametrize(
    ("rules", "text", "instead", "what"),
    [
        ("train", "--num_processes", "--processes", {"run"}),
        ("train", "mem_mb=8000", "mem_mb=9000", set()),
        ("train", "# Training resumes", "# Each training resumes", set()),
        ("evaluate", " score-arm {wildcards.arm}", " score-arm --strict {wildcards.arm}", {"score"}),
    ],
    ids=readable,
)
def test_the_command_of_a_rule_changes_what_it_makes_and_nothing_else_in_a_rule_does(
    edit_project: Callable[..., None], rules: str, text: str, instead: str, what: set[str]
) -> None:
    before = fingerprints(study())
    edit_project(f"workflow/rules/{rules}.smk", text, instead)
    assert kinds(changed(before, fingerprints(study()))) == what


def test_many_arms_take_hardly_longer_than_one() -> None:
    """The sources are read once for all of them."""
    arms = raw_arms()
    many = {f"{GRPO}-{number}": {**arms[GRPO], "title": f"Arm {number}"} for number in range(50)}
    studies = {
        n: study(arms=arms | many, run=list(many)[:n], comparisons=[], controls={}, seeds=[1, 2, 3]) for n in (1, 50)
    }

    def fingerprints(n: int) -> None:
        forget()
        assert len(stage_fingerprints(studies[n])["train"]) == n

    assert growth(fingerprints, 1, 50) < 5


# Settings


def test_the_order_of_keys_does_not_matter() -> None:
    raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    grpo = study().grpo.model_dump()
    turned = {
        "grpo": dict(reversed(grpo.items())),
        "arms": {name: dict(reversed(raw["arms"][name].items())) for name in raw["arms"]},
    }
    assert fingerprints(study(**turned)) == fingerprints(study(grpo=grpo))


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        ({"grpo": {"save_steps": 7}}, set()),
        ({"trackers": ["tensorboard"]}, set()),
        ({"evaluate": {"batch_size": 3}}, set()),
        ({"evaluate": {"window": 3}}, set()),
        ({"grpo": {"steps": 7}}, {f"run {GRPO}", f"run {INSTRUCT}"}),
        ({"sft": {"learning_rate": 1e-6}}, {f"run {SFT}"}),
        ({"data": {"train_options": "natural"}}, {f"run {SFT}", f"run {GRPO}", f"run {INSTRUCT}"}),
        ({"data": {"train": {"n": 440}}}, {"data train"}),
        ({"models": {"instruct": {"path": "models/other"}}}, {"model instruct"}),
    ],
    ids=readable,
)
def test_a_setting_changes_what_depends_on_it(overrides: dict[str, Any], what: set[str]) -> None:
    assert changed(fingerprints(study()), fingerprints(study(**overrides))) - {"report", "summary"} == what


@pytest.mark.parametrize(
    ("arm", "change", "what"),
    [
        (GRPO, {"grpo": {"beta": 0.0}}, {f"run {GRPO}"}),
        (GRPO, {"eval_prompt": "r1_zero_image"}, {f"predict {GRPO}", f"score {GRPO}"}),
        (GRPO, {"evaluate": {"repetition_penalty": 1.05}}, {f"predict {GRPO}"}),
        (SFT, {"sft": {"prompt_loss": True}}, {f"run {SFT}"}),
        (SFT, {"trajectories": {"arm": GRPO}}, {f"run {SFT}"}),
        (GRPO, {"altered": "blind"}, {f"run {GRPO}"}),
        (GRPO, {"difficulty": {"path": "x.csv"}}, {f"run {GRPO}"}),
        (GRPO, {"extra": True}, set()),
    ],
    ids=readable,
)
def test_what_an_arm_changes_for_itself_changes_it_alone(arm: str, change: dict[str, Any], what: set[str]) -> None:
    arms = raw_arms()
    changes = arms | {arm: arms[arm] | change}
    assert changed(fingerprints(study()), fingerprints(study(arms=changes))) - {"report", "summary"} == what


def test_what_picks_trajectories_changes_the_arms_that_learn_them(edit: Callable[..., None]) -> None:
    def runs() -> dict[str, str]:
        return {arm: jobs.run_fingerprint(study(run="all"), arm, 1) for arm in (SFT, "base-coldstart")}

    before = runs()
    edit("rewards/format.py")
    assert changed(before, runs()) == {"base-coldstart"}


def test_pixels_change_the_arms_of_their_model() -> None:
    found = changed(fingerprints(study()), fingerprints(study(models={"instruct": {"min_pixels": 6272}})))
    assert found == {f"run {INSTRUCT}", "predict instruct", f"predict {INSTRUCT}"}


def test_the_planned_comparisons_change_the_summary_alone() -> None:
    found = changed(fingerprints(study()), fingerprints(study(comparisons=[])))
    assert found - {"report"} == {"summary"}


def test_seeds_differ() -> None:
    assert jobs.run_fingerprint(study(), GRPO, 1) != jobs.run_fingerprint(study(), GRPO, 2)


def test_arms_that_are_trained_alike_share_a_fingerprint_whatever_they_are_called() -> None:
    arms = raw_arms()
    arms["again"] = {**arms[GRPO], "title": "Again", "paper": None}
    both = study(arms=arms, run="all")
    assert jobs.run_fingerprint(both, "again", 1) == jobs.run_fingerprint(both, GRPO, 1)


def test_group_sharing_counts_wherever_it_was_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = code.PACKAGE.with_name(code.SHARED)
    monkeypatch.setattr(code, "PACKAGE", tmp_path / "visualzero")
    assert code._shared() == beside
    monkeypatch.setattr(code, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="groupshare: not found: install it with make env, or its wheel beside"):
        code._shared()
