"""The config: what is read, what wins over what, and what a mistake looks like."""

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from visualzero.config import (
    Grpo,
    Local,
    Resample,
    Sft,
    Study,
    ToySpace,
    load_study,
    prompt_styles,
    read_study,
    reward_terms,
    study_schema,
    write_schema,
)
from visualzero.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
TERMS = ("accuracy", "adaptive", "answer_first", "coin", "format", "length")
PROMPTS = (
    *(
        "chat",
        "chat_adaptive",
        "chat_answer",
        "chat_answer_first",
        "chat_image",
        "chat_think",
        "chat_think_image",
        "chat_think_newline",
    ),
    *("plain", "r1_zero", "r1_zero_image", "r1_zero_image_blank"),
)
SIX = ["base", "base-reason", "base-sft", "base-grpo", "instruct", "instruct-grpo"]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the config that may be edited, with the reward terms and prompt styles that the study needs."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    package = tmp_path / "package"
    for name in (*(f"rewards/{term}.py" for term in TERMS), "rewards/__init__.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    for style in PROMPTS:
        (package / "prompts").mkdir(exist_ok=True)
        (package / "prompts" / f"{style}.jinja").touch()
    monkeypatch.setattr("visualzero.config.base.PACKAGE", package)
    return tmp_path


@pytest.fixture
def raw(root: Path) -> dict[str, Any]:
    """The parsed config.yaml, as Snakemake hands it over."""
    content: dict[str, Any] = yaml.safe_load((root / "config/config.yaml").read_text())
    return content


def lines_of(raw: dict[str, Any], root: Path) -> list[str]:
    """The lines that the user gets for a config with mistakes."""
    with pytest.raises(UserError) as caught:
        load_study(raw, root)
    return str(caught.value).splitlines()


def every_arm(raw: dict[str, Any]) -> list[str]:
    """The arms that `run: all` means."""
    return [name for name, arm in raw["arms"].items() if not arm.get("extra")]


def mappings(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping anywhere in a JSON schema."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from mappings(part)


# What is read


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_the_study_is_valid_at_every_scale(raw: dict[str, Any], root: Path, scale: str) -> None:
    study = load_study({**raw, "scale": scale}, root)
    assert study.sft.steps * study.sft.batch_size == study.grpo.steps * study.grpo.batch_size


def test_the_study_uses_reward_terms_and_prompt_styles_that_exist() -> None:
    study = read_study(ROOT / "config/config.yaml")
    assert {term for reward in study.rewards.values() for term in reward.terms} <= set(reward_terms())
    assert {arm.prompt for arm in study.arms.values()} <= set(prompt_styles())


def test_the_paper_scale_is_the_paper(raw: dict[str, Any], root: Path) -> None:
    grpo = load_study({**raw, "scale": "paper"}, root).grpo
    assert (grpo.learning_rate, grpo.beta, grpo.group_size, grpo.batch_size) == (1e-6, 0.04, 8, 8)
    assert (grpo.steps, grpo.max_completion, grpo.dtype) == (1500, 700, "bfloat16")


def test_the_demo_runs_six_arms_and_the_paper_scale_all(raw: dict[str, Any], root: Path) -> None:
    demo, paper = (load_study({**raw, "scale": scale}, root) for scale in ("demo", "paper"))
    assert list(demo.arms) == demo.run == SIX
    assert demo.trained_arms() == ["base-sft", "base-grpo", "instruct-grpo"]
    assert list(paper.arms) == paper.run == every_arm(raw)
    assert len(demo.comparisons) == 5
    assert len(paper.comparisons) == 17


@pytest.mark.parametrize(
    ("run", "arms"),
    [
        ("all", None),
        ("base", ["base"]),
        (["base-grpo", "base"], ["base", "base-grpo"]),
        ({"demo": ["base"], "paper": "all"}, ["base"]),
    ],
    ids=str,
)
def test_run_says_which_arms_are_run(raw: dict[str, Any], root: Path, run: Any, arms: list[str] | None) -> None:
    study = load_study({**raw, "run": run}, root)
    assert study.run == list(study.arms) == (arms or every_arm(raw))


def test_every_arm_is_run_where_nothing_is_said(raw: dict[str, Any], root: Path) -> None:
    del raw["run"]
    assert load_study(raw, root).run == every_arm(raw)


def test_extra_arms_are_run_where_they_or_their_set_are_named(raw: dict[str, Any], root: Path) -> None:
    extra = [name for name, arm in raw["arms"].items() if arm.get("extra")]
    assert extra
    sets = list(raw["sets"])
    assert not set(extra) & set(load_study({**raw, "run": "all"}, root).run)
    assert load_study({**raw, "run": ["all", *sets]}, root).run == list(raw["arms"])  # every extra arm is in a set
    assert load_study({**raw, "run": ["base", extra[0]]}, root).run == ["base", extra[0]]


def test_every_arm_of_a_set_is_compared_with_another_one_of_it(raw: dict[str, Any], root: Path) -> None:
    for name, arms in raw["sets"].items():
        study = load_study({**raw, "run": name}, root)
        assert set(study.run) == set(arms)
        assert {side for pair in study.comparisons for side in (pair.a, pair.b)} == set(arms)


def test_only_comparisons_between_arms_that_are_run_are_planned(raw: dict[str, Any], root: Path) -> None:
    [pair] = load_study({**raw, "run": ["base", "base-sft", "instruct"]}, root).comparisons
    assert (pair.a, pair.b) == ("base-sft", "base")


def test_an_arm_changes_keys_of_its_recipe_for_itself_alone(raw: dict[str, Any], root: Path) -> None:
    study = load_study({**raw, "run": "all"}, root)
    gpg, grpo = study.recipe("base-gpg"), study.recipe("base-grpo")
    assert isinstance(gpg, Grpo)
    assert (gpg.beta, gpg.loss, gpg.resample) == (0.0, "dapo", Resample(tries=20, min_valid=0.4))
    assert (gpg.steps, gpg.learning_rate) == (grpo.steps, grpo.learning_rate)
    assert grpo == study.grpo
    assert study.recipe("base-sft") == study.sft
    assert study.evaluation("base-grpo-asprinted").repetition_penalty == 1.05
    assert study.evaluation("base-grpo") == study.evaluate


def test_no_run_takes_more_steps_than_the_study_allows(raw: dict[str, Any], root: Path) -> None:
    arms = {**raw["arms"], "base-grpo": {**raw["arms"]["base-grpo"], "grpo": {"steps": 1}}}
    study = load_study({**raw, "arms": arms, "max_steps": 2}, root)
    assert [study.recipe(arm).steps for arm in study.trained_arms()] == [2, 1, 2]
    assert study.recipe("base-sft") == study.sft.model_copy(update={"steps": 2})
    with pytest.raises(UserError, match="max_steps: must be greater than 0, not 0"):
        load_study({**raw, "max_steps": 0}, root)


def test_fidelity_switches_are_off_but_in_the_arms_that_print_them(raw: dict[str, Any], root: Path) -> None:
    study = load_study({**raw, "scale": "paper"}, root)

    def switches(arm: str) -> tuple[bool, ...]:
        recipe, spec = study.recipe(arm), study.arm(arm)
        return (
            "image" in spec.prompt,
            spec.asked_with != spec.prompt,
            isinstance(recipe, Grpo) and recipe.top_k == 50,
            study.evaluation(arm).repetition_penalty != 1,
            isinstance(recipe, Sft) and recipe.prompt_loss,
        )

    on = {arm: switches(arm) for arm in study.trained_arms() if any(switches(arm))}
    assert on == {
        "base-sft-asprinted": (True, True, False, True, True),
        "base-grpo-asprinted": (True, True, True, True, False),
        "instruct-grpo-asprinted": (True, True, True, False, False),
    }


def test_an_arm_may_start_from_another(raw: dict[str, Any], root: Path) -> None:
    study = load_study({**raw, "run": "all"}, root)
    assert study.arm("base-coldstart-grpo").init == "base-coldstart"
    assert study.origin("base-coldstart-grpo") == study.origin("base") == "base"
    assert study.source("base-coldstart-grpo") == study.models.base
    assert study.source("instruct-grpo") == study.models.instruct


def test_names_come_from_files(root: Path) -> None:
    assert reward_terms() == sorted(TERMS)
    assert prompt_styles() == sorted(PROMPTS)


def test_reading_the_config_imports_no_heavy_library() -> None:
    code = "import sys, visualzero.config; print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_study_can_be_written_and_read_back(raw: dict[str, Any], root: Path) -> None:
    study = load_study(raw, root)
    assert Study.model_validate_json(study.model_dump_json()) == study
    assert load_study(study.model_dump(), root) == study


def test_a_number_may_be_written_as_1e_6(raw: dict[str, Any], root: Path) -> None:
    overrides = yaml.safe_load("grpo: {learning_rate: 1e-6}")
    assert isinstance(overrides["grpo"]["learning_rate"], str)
    assert load_study({**raw, **overrides}, root).grpo.learning_rate == 1e-6


# What wins over what


def test_the_config_wins_over_its_scale_key_by_key(raw: dict[str, Any], root: Path) -> None:
    study = load_study({**raw, "grpo": {"steps": 2}}, root)
    assert (study.grpo.steps, study.grpo.batch_size) == (2, 8)


def test_loading_changes_nothing_it_is_given(raw: dict[str, Any], root: Path) -> None:
    before = json.dumps(raw)
    load_study({**raw, "grpo": {"steps": 2}}, root)
    assert json.dumps(raw) == before


def test_own_questions_replace_the_scales(raw: dict[str, Any], root: Path) -> None:
    own = """
    train: {kind: local, path: my/train.jsonl}
    benchmarks: {mine: {source: {kind: local, path: my/test.jsonl}}}
    """
    data = load_study({**raw, "data": yaml.safe_load(own)}, root).data
    assert data.train == Local(kind="local", path="my/train.jsonl")
    assert list(data.benchmarks) == ["mine"]
    assert data.train_options == "lettered"


def test_a_benchmark_of_the_scale_can_be_made_smaller(raw: dict[str, Any], root: Path) -> None:
    smaller = {"benchmarks": {"toyspace": {"source": {"n": 8}}}}
    benchmark = load_study({**raw, "data": smaller}, root).data.benchmarks["toyspace"]
    assert benchmark.source == ToySpace(kind="toyspace", split="bench", n=8, seed=3)
    assert benchmark.sources_2d == ["toyspace2d"]


def test_a_benchmark_of_another_kind_keeps_nothing_of_the_scales(raw: dict[str, Any], root: Path) -> None:
    other = {"benchmarks": {"toyspace": {"source": {"kind": "local", "path": "x.jsonl"}}}}
    assert load_study({**raw, "data": other}, root).data.benchmarks["toyspace"].sources_2d == []


def test_naming_a_repository_drops_the_scales_folder(raw: dict[str, Any], root: Path) -> None:
    base = load_study({**raw, "models": {"base": {"repo": "a/b", "revision": "c0ffee"}}}, root).models.base
    assert (base.path, base.repo, base.max_pixels) == (None, "a/b", 12544)


def test_an_option_wins_over_the_config(root: Path) -> None:
    (root / "config/config.yaml").write_text((root / "config/config.yaml").read_text() + "grpo: {steps: 7}\n")
    path = root / "config/config.yaml"
    assert read_study(path).grpo.steps == 7
    assert read_study(path, ["grpo.steps=9", "seeds=[1, 2]"]).grpo.steps == 9
    assert read_study(path, ["scale=paper"]).grpo.batch_size == 8
    assert read_study(path, ["data.benchmarks.toyspace.source.n=8"]).data.benchmarks["toyspace"].sources_2d


# What a mistake looks like


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "rewards: {r1: {terms: {acuracy: 1.0}}, r1-length: {terms: {length: 1}}}",
            "rewards.r1.terms.acuracy: unknown reward term 'acuracy'; did you mean 'accuracy'?"
            " (known: accuracy, adaptive, answer_first, coin, format, length)",
        ),
        ("rewards: {r1: {terms: {accuracy: .nan}}}", "rewards.r1.terms.accuracy: must be a finite number, not nan"),
        ("rewards: {r1: {terms: {accuracy: .inf}}}", "rewards.r1.terms.accuracy: must be a finite number, not inf"),
        ("rewards: {r1: {terms: {accuracy: true}}}", "rewards.r1.terms.accuracy: must be a valid number, not True"),
        ("rewards: {r1: {terms: {accuracy: high}}}", "rewards.r1.terms.accuracy: must be a valid number, not 'high'"),
        ("rewards: {r1: {terms: {}}}", "rewards.r1.terms: must have at least 1 entry, not {}"),
        (
            "arms: {a: {title: A, init: bas, recipe: none, prompt: plain}}",
            "arms.a.init: unknown model or trained arm 'bas'; did you mean 'base'? (known: base, instruct)",
        ),
        (
            "arms: {a: {title: A, init: base, recipe: gpro, prompt: plain}}",
            "arms.a.recipe: unknown value 'gpro'; did you mean 'grpo'? (known: none, sft, grpo)",
        ),
        (
            "arms: {a: {title: A, init: base, recipe: none, prompt: r1zero}}",
            "arms.a.prompt: unknown prompt style 'r1zero'; did you mean 'r1_zero'?"
            " (known: chat, chat_adaptive, chat_answer, ",
        ),
        (
            "arms: {a: {title: A, init: base, recipe: grpo, prompt: plain, reward: r2}}",
            "arms.a.reward: unknown reward 'r2'; did you mean 'r1'? (known: r1, accuracy, ",
        ),
        (
            "arms: {a: {title: A, init: base, recipe: grpo, prompt: plain}}",
            "arms.a.reward: a grpo arm needs a reward (known: r1, accuracy, ",
        ),
        (
            "arms: {a: {title: A, init: base, recipe: sft, prompt: plain, reward: r1}}",
            "arms.a.reward: 'r1' has no use: only a grpo arm has a reward; remove the key",
        ),
        (
            "arms: {a: {title: A, init: base, recipe: sft, prompt: plain, freeze: [vision, language]}}",
            "arms.a.freeze: must have at most 1 entry, not ['vision', 'language']",
        ),
        (
            "arms: {a: {titel: A, title: A, init: base, recipe: none, prompt: plain}}",
            "arms.a.titel: unknown key 'titel'; did you mean 'title'? (known: title, init, recipe, prompt, ",
        ),
        (
            "arms: {a: {init: base, recipe: none, prompt: plain}}",
            "arms.a.title: missing; add it (Its name in the report)",
        ),
        (
            "arms: {a/b: {title: A, init: base, recipe: none, prompt: plain}}",
            "arms.a/b: 'a/b' is not a name; use letters, digits, - and _",
        ),
        ("arms: {base: 3}", "arms.base: must be a mapping of keys to values, not 3"),
        ("comparisons: [{a: base, b: bse}]", "comparisons.0.b: unknown arm 'bse'; did you mean 'base'? (known: base,"),
        ("comparisons: [{a: base, b: base}]", "comparisons.0: compares 'base' with itself; name two arms"),
        ("run: [bse]", "run.0: unknown arm 'bse'; did you mean 'base'? (known: base, "),
        ("run: cause", "run.0: unknown arm 'cause'; did you mean 'causes'? (known: base, "),
        ("sets: {mine: [base, bse]}", "sets.mine.1: unknown arm 'bse'; did you mean 'base'? (known: base, "),
        ("sets: {base: [base]}", "sets.base: 'base' is the name of an arm, or of all of them; give the set another"),
        ("sets: {mine: []}", "sets.mine: must have at least 1 entry, not []"),
        ("run: 3", "run: must be a valid list, not 3"),
        ("run: {dmo: all}", "run: must be a valid list, not {'dmo': 'all'}"),
        ("run: []", "run: must have at least 1 entry, not []"),
        (
            "run: [base, base-coldstart-grpo]",
            "arms.base-coldstart-grpo: comes from 'base-coldstart', which is not run: add it to run",
        ),
        (
            "scale: deno",
            "scale: unknown scale 'deno'; did you mean 'demo'? (known: demo, paper, paper-qwen2_5_vl, paper-qwen3_vl)",
        ),
        ("seeds: []", "seeds: must have at least 1 entry, not []"),
        ("seeds: [1, 2, 1]", "seeds: listed twice: 1; list each one once"),
        ("seeds: [one]", "seeds.0: must be a valid integer, not 'one'"),
        ("seeds: [1.5]", "seeds.0: must be a valid integer, not 1.5"),
        ("grpo: {steps: ten}", "grpo.steps: must be a valid integer, not 'ten'"),
        ("grpo: {micro_batch: 48}", "grpo: micro_batch 48 does not divide the 64 samples of a step; choose a divisor"),
        ("grpo: {stpes: 10}", "grpo.stpes: unknown key 'stpes'; did you mean 'steps'? (known: "),
        ("gprpo: {}", "gprpo: unknown key 'gprpo'; did you mean 'grpo'? (known: scale, seeds, run, sets, "),
        (
            "models: {base: {path: a, repo: b}}",
            "models.base: give exactly one of path (a folder) and repo (on the model hub)",
        ),
        (
            "data: {train: {kind: locale, path: x}}",
            "data.train: unknown kind 'locale'; did you mean 'local'? (known: toyspace, local, sat, ",
        ),
        (
            "data: {train: {kind: local, pth: x}}",
            "data.train.pth: unknown key 'pth'; did you mean 'path'? (known: kind, path, images, seed, ",
        ),
        ("data: {train: {n: 6}}", "data.train.n: must be a multiple of 4, not 6"),
        (
            "data: {benchmarks: {Train: {source: {kind: local, path: x}}}}",
            "data.benchmarks.Train: is what the training questions are called; give it another name",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(raw: dict[str, Any], root: Path, change: str, line: str) -> None:
    told = lines_of({**raw, **yaml.safe_load(change)}, root)
    assert [found for found in told if found.startswith(f"config/config.yaml: {line}")], told


@pytest.mark.parametrize(
    ("arm", "change", "line"),
    [
        ("base", "grpo: {beta: 0}", "grpo: has no use: the arm's recipe is none; remove the key"),
        ("base", "freeze: [vision]", "freeze: has no use: the arm's recipe is none; remove the key"),
        ("base", "eval_prompt: chat", "eval_prompt: has no use: the arm's recipe is none; remove the key"),
        ("base", "init: base-sft", "init: 'base-sft' is trained: an arm of recipe none starts from a model"),
        ("base-sft", "eval_prompt: chta", "eval_prompt: unknown prompt style 'chta'; did you mean 'chat'? (known: "),
        ("base-sft", "sft: {beta: 0}", "sft.beta: unknown key 'beta'; "),
        ("base-sft", "init: base-sft", "init: unknown model or trained arm 'base-sft'; did you mean 'base"),
        ("base-sft", "trajectories: {arm: instruct}", "trajectories.arm: unknown grpo arm 'instruct'; "),
        ("base-sft", "trajectories: {}", "trajectories: give exactly one of arm (a grpo arm) and path (a table of"),
        ("base", "altered: blind", "altered: has no use: the arm's recipe is none; remove the key"),
        (
            "base-grpo",
            "difficulty: {}",
            "difficulty.path: missing; add it (A table (JSONL, CSV, parquet) of completions",
        ),
        (
            "base-grpo",
            "difficulty: {path: x.csv, least: 0.9, most: 0.1}",
            "difficulty: least 0.9 is more than most 0.1; no question would be left",
        ),
        ("base", "difficulty: {path: x.csv}", "difficulty: has no use: the arm's recipe is none; remove the key"),
        ("base-grpo", "altered: blnd", "altered: unknown value 'blnd'; did you mean 'blind'? (known: blind, shuffled_"),
        ("base-grpo", "trajectories: {path: x.csv}", "trajectories: has no use: the arm's recipe is grpo; remove"),
        ("base-grpo", "grpo: {bta: 0}", "grpo.bta: unknown key 'bta'; did you mean 'beta'? (known: steps, "),
        ("base-grpo", "grpo: {micro_batch: 48}", "grpo: micro_batch 48 does not divide the 64 samples of a step; "),
        ("base-grpo", "grpo: {loss: cipso}", "grpo.loss: unknown value 'cipso'; did you mean 'cispo'? (known: grpo, "),
        (
            "base-grpo",
            "grpo: {loss: dapo, ratio: sequence}",
            "grpo: ratio: sequence weighs completions, and loss: dapo would weigh them by their length; set loss to",
        ),
        (
            "base-grpo",
            "grpo: {loss: dr_grpo, perception: {}}",
            "grpo: perception goes with loss grpo or dapo and with sharing, not with loss dr_grpo and sharing on; ",
        ),
        (
            "base-grpo",
            "grpo: {perception: {wight: 1}}",
            "grpo.perception.wight: unknown key 'wight'; did you mean 'wei",
        ),
        ("base-grpo", "grpo: {resample: {tries: 0}}", "grpo.resample.tries: must be greater than 0, not 0"),
        ("base-grpo", "evaluate: {repetition_penalty: 0}", "evaluate.repetition_penalty: must be greater than 0, not"),
        ("base-grpo", "evaluate: {scorer: letter}", "evaluate.scorer: is the same for all arms; set evaluate.scorer"),
        (
            "base-grpo",
            "{freeze: [vision], grpo: {lora: {r: 2, alpha: 4}}}",
            "freeze: has no use with lora, which trains adapters alone; set lora.targets instead",
        ),
        (
            "base-grpo",
            "init: base-coldstart",
            " comes from 'base-coldstart', which comes from 'base-grpo' itself; start one from a model",
        ),
    ],
    ids=str,
)
def test_a_mistake_in_an_arm_is_told_in_one_line(
    raw: dict[str, Any], root: Path, arm: str, change: str, line: str
) -> None:
    raw["arms"][arm] |= yaml.safe_load(change)
    told = lines_of({**raw, "run": "all"}, root)
    place = f"config/config.yaml: arms.{arm}{':' if line.startswith(' ') else '.'}{line}"
    assert [found for found in told if found.startswith(place)], told


def test_what_an_arm_that_is_not_run_starts_from_need_not_be_run(raw: dict[str, Any], root: Path) -> None:
    raw["arms"]["base-gpg"] |= {"freeze": ["vision"], "grpo": {"lora": {"r": 2, "alpha": 4}}}
    assert load_study(raw, root).run == SIX


def test_every_mistake_is_told_at_once(raw: dict[str, Any], root: Path) -> None:
    raw["arms"]["base"]["prompt"] = "plan"
    raw["rewards"]["r1"]["terms"]["lenght"] = 0.1
    raw["rewards"]["r1"]["terms"]["length"] = math.inf
    told = lines_of({**raw, "seeds": []}, root)
    assert len(told) == 4
    assert [line.split(": ")[1] for line in told] == [
        "arms.base.prompt",
        "rewards.r1.terms.lenght",
        "seeds",
        "rewards.r1.terms.length",
    ]


def test_a_mistake_in_the_scale_names_its_file(raw: dict[str, Any], root: Path) -> None:
    scale = root / "config/scale/demo.yaml"
    scale.write_text(re.sub("max_completion: [0-9]+", "max_completion: -1", scale.read_text()))
    told = lines_of({**raw, "grpo": {"steps": 2}}, root)
    assert told == ["config/scale/demo.yaml: grpo.max_completion: must be greater than 0, not -1"]


def test_a_scale_may_not_change_the_arms(raw: dict[str, Any], root: Path) -> None:
    scale = root / "config/scale/demo.yaml"
    scale.write_text(scale.read_text() + "arms: {}\n")
    assert lines_of(raw, root)[0].startswith("config/scale/demo.yaml: arms: unknown key 'arms'")


@pytest.mark.parametrize("scale", ["paper-qwen2_5_vl", "paper-qwen3_vl"])
def test_a_scale_like_another_differs_in_what_it_says_alone(scale: str, root: Path) -> None:
    config = root / "config/config.yaml"
    paper, other = read_study(config, ["scale=paper"]), read_study(config, [f"scale={scale}"])
    assert other.models.base == other.models.instruct != paper.models.instruct
    assert other.models.base.revision is None
    assert other.model_copy(update={"scale": "paper", "models": paper.models}) == paper


def test_a_scale_is_like_one_that_is_there(raw: dict[str, Any], root: Path) -> None:
    (root / "config/scale/mine.yaml").write_text("like: papre\n")
    told = lines_of({**raw, "scale": "mine"}, root)
    [line] = told
    assert line.startswith(
        "config/scale/mine.yaml: like: scale: unknown scale 'papre'; did you mean 'paper'? (known: demo"
    )


def test_a_mistake_in_an_option_names_the_option(root: Path) -> None:
    with pytest.raises(UserError, match=re.escape("--set: grpo.stpes: unknown key 'stpes'; did you mean 'steps'?")):
        read_study(root / "config/config.yaml", ["grpo.stpes=2"])
    with pytest.raises(UserError, match="is not KEY=VALUE"):
        read_study(root / "config/config.yaml", ["grpo.steps"])
    with pytest.raises(UserError, match=re.escape("--set scale.x: scale is not a mapping")):
        read_study(root / "config/config.yaml", ["scale.x=1"])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("scale: demo\nseeds: [1\narms: {}\n", "config/config.yaml:3: invalid YAML: "),
        ("scale: demo\nscale: paper\n", "config/config.yaml:2: invalid YAML: key 'scale' is given twice; keep one"),
        ("- scale\n", "config/config.yaml:1: must be a mapping of keys to values"),
        ("a: \x00\n", "config/config.yaml: invalid YAML: "),
    ],
)
def test_bad_yaml_is_told_with_its_line(root: Path, content: str, line: str) -> None:
    (root / "config/config.yaml").write_text(content)
    with pytest.raises(UserError) as caught:
        read_study(root / "config/config.yaml")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^config/config\.yaml: no such file"):
        read_study(tmp_path / "config/config.yaml")


def test_asking_for_an_unknown_arm_names_the_nearest(raw: dict[str, Any], root: Path) -> None:
    study = load_study(raw, root)
    assert study.arm("base").trained is False
    with pytest.raises(UserError, match=re.escape("unknown arm 'bsae'; did you mean 'base'?")):
        study.arm("bsae")


# The schema


def test_every_key_is_described() -> None:
    bare = [
        f"{mapping.get('title')}.{key}"
        for mapping in mappings(study_schema())
        if mapping.get("type") == "object"
        for key, value in mapping.get("properties", {}).items()
        if not value.get("description")
    ]
    assert bare == []


def test_the_whole_study_runs_every_arm_that_is_an_answer_to_it_with_three_seeds() -> None:
    laid_over = yaml.safe_load((ROOT / "config/study.yaml").read_text())
    study = read_study(ROOT / "config/config.yaml", [f"{key}={json.dumps(value)}" for key, value in laid_over.items()])
    alone = read_study(ROOT / "config/config.yaml", ["run=all"])
    assert study.seeds == [1, 2, 3]
    assert set(alone.trained_arms()) < set(study.trained_arms())
    assert {"base-grpo-format", "base-grpo-random", "base-grpo-blind"} < set(study.trained_arms())
    assert study.causes.sampling
    assert study.causes.interventions


def test_the_committed_schema_is_generated(tmp_path: Path) -> None:
    write_schema(tmp_path / "study.schema.json")
    committed = (ROOT / "config/schema/study.schema.json").read_text()
    assert committed == (tmp_path / "study.schema.json").read_text(), "run `visualzero schema` and commit the result"
