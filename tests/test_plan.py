"""`visualzero plan`: what a study costs before it is run."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from real_data import real_rows
from visualzero.cli import main
from visualzero.config import Grpo, Sft, read_study
from visualzero.layout import Layout
from visualzero.models.families import FAMILIES
from visualzero.planning.architecture import Architecture
from visualzero.planning.clock import Assumptions, Device, evaluation_seconds, training_seconds
from visualzero.planning.cost import language_work, training_cost, vision_work
from visualzero.planning.gpus import gpu_named
from visualzero.planning.memory import (
    GIB,
    Pass,
    evaluation_memory,
    evaluation_rows,
    training_memory,
    update_pass,
)
from visualzero.planning.plan import Plan, plan_study
from visualzero.planning.precision import HALF, MIXED
from visualzero.planning.prompts import CHOICES, QUESTION
from visualzero.planning.published import QWEN2_VL_2B
from visualzero.planning.table import text_of
from visualzero.planning.workload import Lengths, Training, evaluations
from visualzero.prompts import question_text

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ["--config", str(ROOT / "config/config.yaml")]
QWEN = Architecture.from_config(QWEN2_VL_2B, "built in")
ARMS = "run=[base, base-sft, base-grpo, instruct-grpo-vision-frozen]"
PAPER = ["scale=paper", ARMS]
H200 = Device(gpu_named("H200"), Assumptions())
LAUNCH = Assumptions().launch
HEAVY = ["torch", "transformers", "trl", "datasets", "pandas", "matplotlib"]
SCRIPT = """
import json, sys, time
from visualzero.cli import main
main(sys.argv[2:])
print(json.dumps([time.process_time(), [name for name in json.loads(sys.argv[1]) if name in sys.modules]]))
"""


@pytest.fixture(autouse=True)
def nothing_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without results, beside the models that the repository holds."""
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)


def planned(*overrides: str, **options: Any) -> Plan:
    study = read_study(ROOT / "config/config.yaml", overrides)
    return plan_study(study, Layout(study.scale), **options)


def grpo_run(model: Architecture = QWEN, **changes: Any) -> Training:
    """GRPO as the paper runs it on one GPU, on images of 512 tokens."""
    settings = read_study(ROOT / "config/config.yaml", ["scale=paper"]).grpo.model_dump()
    return Training("an-arm", [1], Grpo(**{**settings, **changes}), [], model, Lengths(512, 60, 150, 700))


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit):
        main([*CONFIG, *arguments])
    return capsys.readouterr().err


def test_a_plan_takes_under_three_seconds_and_no_heavy_library() -> None:
    arguments = [*CONFIG, "--set", "scale=paper", "plan"]
    command = [sys.executable, "-c", SCRIPT, json.dumps(HEAVY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded == []
    assert seconds < 3


@pytest.mark.parametrize("scale", ["demo", "paper", "paper-qwen2_5_vl", "paper-qwen3_vl"])
def test_the_text_names_every_arm_and_fits_120_columns(scale: str) -> None:
    text = text_of(planned(f"scale={scale}"))
    assert max(map(len, text.splitlines())) <= 120
    arms = read_study(ROOT / "config/config.yaml", [f"scale={scale}"]).arms
    assert set(arms) <= {line.split()[0] for line in text.splitlines() if line}


def test_in_a_narrow_terminal_columns_come_below_and_none_is_lost() -> None:
    plan = planned("scale=paper")
    wide, narrow = text_of(plan), text_of(plan, 72)
    assert max(map(len, narrow.splitlines())) <= 72
    assert set(wide.split()) == set(narrow.split())
    assert narrow.count("TRAINING: a run") == 2


def test_json_holds_the_arms_the_evaluations_and_their_totals(capsys: pytest.CaptureFixture[str]) -> None:
    main([*CONFIG, "--set", "scale=paper", "--set", ARMS, "--set", "seeds=[1,2,3]", "plan", "--gpu", "h200", "--json"])
    plan = json.loads(capsys.readouterr().out)
    assert plan["gpu"]["name"] == "H200"
    assert [job["arm"] for job in plan["trainings"]] == ["base-sft", "base-grpo", "instruct-grpo-vision-frozen"]
    assert all(job["seeds"] == [1, 2, 3] for job in plan["trainings"])
    assert next(job["seeds"] for job in plan["evaluations"] if job["arm"] == "base") == ["untrained"]
    jobs = [*plan["trainings"], *plan["evaluations"]]
    assert plan["totals"]["runs"] == 9
    assert plan["totals"]["gpu_hours"]["cap"] == pytest.approx(
        sum(len(job["seeds"]) * job["gpu_hours"]["cap"] for job in jobs)
    )


def test_prompts_and_completions_are_those_of_the_paper() -> None:
    sft, grpo, _ = planned(*PAPER).trainings
    assert (grpo.prompts, grpo.completions) == (12_000, 96_000)
    assert (sft.prompts, sft.completions) == (12_000, 12_000)
    assert grpo.visual_tokens == 12_000 * 512
    assert grpo.completion_tokens.cap == 96_000 * 700


def test_a_batch_that_serves_two_steps_is_sampled_half_as_often() -> None:
    once, twice = grpo_run(), grpo_run(iterations=2)
    assert twice.completions == once.completions / 2
    one, two = training_cost(once, 150, 150), training_cost(twice, 150, 150)
    assert two.rollout == one.rollout / 2
    assert two.update == one.update
    assert one.old == 0
    assert two.old == 0  # the sampler's log-probabilities serve
    assert two.reference == one.reference / 2
    by_sequence = training_cost(grpo_run(iterations=2, ratio="sequence"), 150, 150)
    assert by_sequence.old == by_sequence.reference  # but not in half precision


def test_masked_images_cost_a_pass_over_each_batch_as_a_reference_model_does() -> None:
    seen = training_cost(grpo_run(perception={"weight": 0.02}), 150, 150)
    assert seen.old == seen.reference > 0
    assert seen.update == training_cost(grpo_run(), 150, 150).update


def test_without_beta_there_is_no_reference_model() -> None:
    run = grpo_run(beta=0.0)
    assert training_cost(run, 150, 150).reference == 0
    assert training_memory(run, 700, 1).reference == 0
    assert training_memory(grpo_run(), 700, 1).reference == 4 * QWEN.parameters


def test_flops_of_a_2b_pass_are_those_of_arithmetic_by_hand() -> None:
    # 0.63e9 weights for each of 2048 patches, 32 layers of attention between them, and the merger.
    assert vision_work(QWEN.vision, 512).forward == pytest.approx(3.31e12, rel=0.01)
    # 1.31e9 weights for each of 572 tokens, 28 layers of attention between all pairs.
    assert language_work(QWEN.language, 572, 572**2).forward == pytest.approx(1.555e12, rel=0.01)


def test_without_sharing_most_of_a_group_s_work_on_a_large_image_is_repetition() -> None:
    run = grpo_run(sharing=False)
    short, long = training_cost(run, 50, 50), training_cost(run, 700, 700)
    assert 0.8 < short.avoidable < 1 - 1 / run.group
    assert long.avoidable < short.avoidable


def test_sharing_does_without_the_repetition_and_needs_less_memory() -> None:
    stock, shared = grpo_run(sharing=False), grpo_run()
    before, after = training_cost(stock, 150, 150), training_cost(shared, 150, 150)
    assert after.total == pytest.approx(before.total * (1 - before.avoidable))
    assert after.avoidable == pytest.approx(0, abs=1e-12)
    assert training_memory(shared, 700, 1).total < training_memory(stock, 700, 1).total


def test_a_pass_holds_whole_groups_up_to_its_tokens_and_parts_of_a_group_beyond() -> None:
    run, group = grpo_run(micro_batch=64), 572 + 8 * 700
    wide, narrow = (
        replace(run, recipe=run.recipe.model_copy(update={"tokens_per_pass": tokens})) for tokens in (2 * group, 2000)
    )
    assert update_pass(wide, 700, 1) == Pass(visual=2 * 512, tokens=2 * group, row=1272, completions=16)
    assert update_pass(narrow, 700, 1) == Pass(visual=512, tokens=572 + 2 * 700, row=1272, completions=2)
    assert update_pass(grpo_run(sharing=False), 700, 1).tokens == 8 * 1272


def test_a_micro_batch_by_itself_is_all_that_a_device_has_where_a_group_shares_and_else_a_group() -> None:
    assert grpo_run().recipe.micro_batch == "auto"
    assert [grpo_run().recipe.micro_batch_on(gpus) for gpus in (1, 4, 8)] == [64, 16, 8]
    assert grpo_run(sharing=False).recipe.micro_batch_on(4) == 8
    few, many = (training_seconds(grpo_run(micro_batch=n), 200, 200, 1, H200) for n in (8, 64))
    assert many.update < few.update / 2  # which waited for the host


def test_steps_on_a_gpu_take_what_was_measured() -> None:
    # benchmarks/gpu.py on one H200, 2026-11-27: 8 prompts of 605 tokens, G = 8, 200 new tokens for each completion.
    ours, stock = (grpo_run(micro_batch=8, sharing=sharing) for sharing in (True, False))
    assert training_seconds(ours, 200, 200, 1, H200).total / ours.recipe.steps == pytest.approx(5.76, rel=0.1)
    assert training_seconds(stock, 200, 200, 1, H200).total / stock.recipe.steps == pytest.approx(19.2, rel=0.3)
    recorded = H200.decode(QWEN.language, 64, 605, 1, "bfloat16", HALF, H200.launch(False, recorded=True), sharers=8)
    assert recorded == pytest.approx(5.4e-3, rel=0.3)


def test_frozen_weights_cost_no_gradients_and_no_moments() -> None:
    frozen = replace(grpo_run(), frozen=["vision"])
    everything, less = training_memory(grpo_run(), 700, 1), training_memory(frozen, 700, 1)
    assert everything.gradients - less.gradients == 4 * QWEN.vision.parameters
    assert everything.optimizer - less.optimizer == 8 * QWEN.vision.parameters
    assert less.weights == everything.weights


def test_a_frozen_tower_is_computed_in_the_rollout_alone_where_a_group_shares() -> None:
    frozen, trained = replace(grpo_run(), frozen=["vision"]), grpo_run()
    image = vision_work(QWEN.vision, frozen.lengths.visual).forward / frozen.group
    before, after = training_cost(trained, 200, 200), training_cost(frozen, 200, 200)
    assert after.rollout == before.rollout
    assert before.reference - after.reference == pytest.approx(frozen.completions * image)
    adapted = grpo_run(lora={"r": 4, "alpha": 4, "targets": ["q_proj"]})
    assert adapted.looks_once
    assert not grpo_run(lora={"r": 4, "alpha": 4, "targets": ["q_proj", "fc1"]}).looks_once
    assert not replace(grpo_run(sharing=False), frozen=["vision"]).looks_once


def test_lora_needs_a_tenth_of_the_optimizer_and_no_second_model() -> None:
    adapters = grpo_run(lora={"r": 64, "alpha": 64, "targets": ["q_proj", "down_proj"]})
    full, lora = training_memory(grpo_run(), 700, 1), training_memory(adapters, 700, 1)
    assert lora.optimizer < full.optimizer / 10
    assert lora.reference == 0


def test_vllm_prefills_a_group_once_and_takes_its_share_of_the_gpu() -> None:
    stock, vllm = grpo_run(sharing=False), grpo_run(engine="vllm")
    assert training_cost(vllm, 150, 150).rollout < training_cost(stock, 150, 150).rollout / 3
    assert training_cost(vllm, 150, 150).old > 0
    job = planned("scale=paper", "run=[base-grpo]", "grpo.engine=vllm", "controls={}").trainings[0]
    assert job.memory.vllm == pytest.approx(0.3 * 80 * GIB)
    assert job.memory.cache == 0


def test_what_fits_an_80_gb_gpu_does_not_fit_40_and_is_told_what_would_help() -> None:
    roomy, narrow = planned(*PAPER, gpu="H100-80GB"), planned(*PAPER, gpu="A100-40GB")
    assert all(job.advice is None for job in roomy.jobs)
    assert "every job fits H100-80GB" in text_of(roomy)
    [line] = [line for line in text_of(narrow).splitlines() if line.startswith("! base-grpo ")]
    assert line.startswith("! base-grpo needs 54 GiB of 40: use zero2 on 2 GPUs (")
    assert "jobs don't fit A100-40GB" in " ".join(text_of(narrow).split())


def test_a_smaller_micro_batch_is_proposed_where_activations_are_what_is_too_much() -> None:
    plan = planned(*PAPER, "grpo.gradient_checkpointing=false", "grpo.sharing=false")
    advice = next(job.advice for job in plan.trainings if job.arm == "base-grpo")
    assert advice is not None
    assert advice.startswith("micro_batch ")
    micro_batch = int(advice.split()[1])
    smaller = planned(
        *PAPER,
        "grpo.gradient_checkpointing=false",
        "grpo.sharing=false",
        f"grpo.micro_batch={micro_batch}",
        "sft.micro_batch=1",
    )
    assert next(job.advice for job in smaller.trainings if job.arm == "base-grpo") is None


def test_fewer_tokens_per_pass_are_proposed_where_a_group_shares_its_prompt() -> None:
    settings = [*PAPER, "grpo.gradient_checkpointing=false", "grpo.micro_batch=64"]
    advice = next(job.advice for job in planned(*settings).trainings if job.arm == "base-grpo")
    assert advice is not None
    assert advice.startswith("tokens_per_pass ")
    smaller = planned(*settings, f"grpo.tokens_per_pass={advice.split()[1]}", "sft.micro_batch=1")
    assert next(job.advice for job in smaller.trainings if job.arm == "base-grpo") is None


def test_more_gpus_take_less_time_each_and_no_fewer_gpu_hours() -> None:
    one, four = (planned(*PAPER, gpus=gpus).trainings[1] for gpus in (1, 4))
    assert four.step_seconds.mean < one.step_seconds.mean
    assert four.gpu_hours.mean >= one.gpu_hours.mean
    assert four.flops == one.flops


def test_the_seconds_of_sampling_one_by_one_are_those_that_the_paper_s_authors_report() -> None:
    # Their step took about 80 seconds: each of 4 GPUs samples 2 prompts x 8 completions, one after the other. The
    # completions' length isn't told; their Figure 1 shows 100 to 300 tokens.
    device = Device(gpu_named("H100-80GB"), Assumptions())
    low, high = (16 * device.decode(QWEN.language, 1, 600, length, "bfloat16", MIXED, LAUNCH) for length in (100, 300))
    assert low < 80 < high


def test_on_a_gpu_that_is_busy_decoding_many_rows_bandwidth_counts() -> None:
    slow, fast = (Device(replace(gpu_named("H200"), bandwidth=rate), Assumptions()) for rate in (0.1, 0.2))
    assert slow.decode(QWEN.language, 64, 600, 100, "bfloat16", MIXED, LAUNCH) == pytest.approx(
        2 * fast.decode(QWEN.language, 64, 600, 100, "bfloat16", MIXED, LAUNCH)
    )


def test_sft_samples_nothing() -> None:
    settings = read_study(ROOT / "config/config.yaml", ["scale=paper"]).sft.model_dump()
    run = Training("an-arm", [1], Sft(**settings), [], QWEN, Lengths(512, 60, 8, 8))
    cost = training_cost(run, 8, 8)
    assert cost.total == cost.update > 0
    assert cost.avoidable == 0
    device = Device(gpu_named("H100-80GB"), Assumptions())
    assert training_seconds(run, 8, 8, 1, device).rollout == 0
    assert training_memory(run, 8, 1).cache == 0


def test_control_questions_are_counted_and_have_no_image_where_none_is_shown() -> None:
    jobs = planned("scale=paper", "run=[base-grpo]", "controls={no_image: [base-grpo]}").evaluations
    asked, blind = ({job.control: job for job in jobs if job.benchmark == "cvbench"}[key] for key in (None, "no_image"))
    assert asked.prompts == blind.prompts == 2638
    assert asked.visual_tokens == 2638 * 512
    assert blind.visual_tokens == 0
    assert blind.flops.mean < asked.flops.mean


@pytest.mark.parametrize("gpu", ["H200", "H100-80GB", "L4"])
def test_evaluation_takes_as_many_questions_at_a_time_as_the_memory_has_room_for(gpu: str) -> None:
    study = read_study(ROOT / "config/config.yaml", ["scale=paper", "run=[base-grpo, base-grpo-asprinted]"])
    jobs = evaluations(study, Layout("paper"), 210)
    auto, printed = (next(job for job in jobs if job.arm == arm) for arm in ("base-grpo", "base-grpo-asprinted"))
    device = gpu_named(gpu)
    rows = evaluation_rows(auto, device)
    assert rows.bit_count() == 1
    assert rows == {"H200": 512, "H100-80GB": 512, "L4": 128}[gpu]
    assert evaluation_memory(auto, auto.lengths.cap, device).total < 0.7 * device.memory * GIB
    assert evaluation_rows(printed, device) == 8
    seconds = [evaluation_seconds(job, 210, Device(device, Assumptions())) for job in (auto, printed)]
    assert seconds[0] < seconds[1] / 2


def test_the_assumed_length_of_reasoning_can_be_given() -> None:
    job = planned(*PAPER, reasoning=100).trainings[1]
    assert job.completion_tokens.mean == 96_000 * 100


def test_sizes_of_a_fetched_model_go_before_those_built_in() -> None:
    folder = Layout("paper").model("base")
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**QWEN2_VL_2B, "num_hidden_layers": 14}))
    plan = planned("scale=paper", "run=[base]", "controls={}")
    assert plan.models["base"]["parameters"] < QWEN.parameters
    assert plan.models["base"]["source"] == str(folder / "config.json")


def test_newer_config_files_are_read_as_older_ones_are() -> None:
    nested = {**QWEN2_VL_2B, "text_config": {k: v for k, v in QWEN2_VL_2B.items() if k != "vision_config"}}
    older = Architecture.from_config(QWEN2_VL_2B, "a file")
    for key in ("hidden_size", "vocab_size"):
        del nested[key]
    assert Architecture.from_config(nested, "a file") == older


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "--gpu", "H200x"], "--gpu: unknown GPU 'H200x'; did you mean 'H200'?"),
        (["plan", "--reasoning", "0"], "--reasoning 0: a completion has at least one token"),
        (["plan", "--gpus", "3"], "--gpus 3: base-sft: the 8 samples of a step can't be split over 3 GPUs"),
        (["--set", "models.base.path=nowhere", "plan"], "nowhere/config.json: no such file"),
    ],
    ids=["gpu", "reasoning", "gpus", "model"],
)
def test_mistakes_are_told_in_a_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told in error_of(capsys, *arguments)


def test_a_model_of_another_kind_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    said = error_of(capsys, "--set", f"models.base.path={tmp_path}", "plan")
    assert f"model_type is llama: plan knows {', '.join(sorted(FAMILIES))}" in said


def test_the_usual_question_is_as_long_as_those_of_cv_bench() -> None:
    def characters(question: str, choices: Sequence[str]) -> int:
        return len(question_text(question, choices, "lettered"))

    rows = real_rows("cvbench_items_120.jsonl")
    mean = sum(characters(row["question"], row["choices"]) for row in rows) / len(rows)
    assert characters(QUESTION, CHOICES) == pytest.approx(mean, rel=0.1)
