"""On a GPU: steps recorded as CUDA graphs write what `generate` writes, and the kernels there compute what a CPU does.

Skipped where there is no GPU, so by continuous integration: `python -m pytest tests/test_on_gpu.py` on a machine that
has one.
"""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, PreTrainedModel
from trl import GRPOConfig

from groupshare import GroupSharingTrainer, log_probs, question_of, stream_of
from groupshare.attention import attend_apart, install
from groupshare.caches import Lines, as_scores
from groupshare.choosing import Choice
from groupshare.cohorts import Cohort, Luck, Room
from groupshare.decoding import Decoder
from groupshare.pass_metrics import DIFFERENCE
from groupshare.questions import Question
from groupshare.recording import Recorder
from groupshare.rollout import rollout, sampler, settings_of
from sharing_cases import SETTINGS, questions, reward
from tiny_families import FAMILIES, tiny
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"),
]
MOST = 40
ENDS = [*range(40, 60)]


@pytest.fixture
def asked(tiny_model: Path) -> tuple[PreTrainedModel, list[Question], Any]:
    """A model on the GPU, three questions of different lengths, and the processor."""
    model, processor = load_model(tiny_model, "float32").cuda(), load_processor(tiny_model, "r1_zero", 3136, 12544)
    install(model)
    return model, [question_of(model, processor, row) for row in questions()], processor


def recorded(decoder: Decoder) -> int:
    """How many steps are recorded; that they can be is asserted."""
    assert decoder.recorder
    assert decoder.recorder.able
    return sum(graph is not None for graph in decoder.recorder.graphs.values())


def test_a_recorded_greedy_step_writes_what_generate_writes(
    asked: tuple[PreTrainedModel, list[Question], Any],
) -> None:
    model, some, _ = asked
    decoder = Decoder(model, lambda rows, fixed: Lines(rows, MOST, fixed), Choice(ENDS, MOST), Room(2), 4, 4096)
    cohorts = [Cohort.of([question]) for question in some * 3]
    assert len(list(decoder.write(iter(cohorts)))) == len(cohorts)
    assert recorded(decoder)
    for question, cohort in zip(some * 3, cohorts, strict=True):
        types = {name: value[None] for name, value in question.types.items()}
        made = model.generate(
            input_ids=question.input_ids[None],
            **question.images,
            **types,
            do_sample=False,
            max_new_tokens=MOST,
            eos_token_id=ENDS,
            pad_token_id=0,
        )
        assert cohort.rows[0].tokens == made[0, len(question.input_ids) :].tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_steps_of_groups_draw_what_steps_that_are_launched_draw(family: str) -> None:
    model, processor = tiny(family)
    model.cuda()
    install(model)
    rows = [dict(row) for row in (questions() if family != "qwen3" else questions().remove_columns("image"))]
    asked = [question for row in rows for question in [question_of(model, processor, row)] * 4]
    given = GenerationConfig(do_sample=True, max_new_tokens=MOST, top_k=20, pad_token_id=0, eos_token_id=ENDS)
    found = []
    for launched in (False, True):
        decoder = sampler(model, settings_of(model, given), Room(), 8, log_probs=True)
        if launched:
            assert decoder.recorder
            decoder.recorder.able = False
        cohort = Cohort.of(asked, Luck(model.device, 3))
        list(decoder.write(iter([cohort])))
        if not launched:
            assert recorded(decoder)
        found.append([row.tokens for row in cohort.rows])
    assert found[0] == found[1]


def test_a_step_that_cant_be_recorded_is_launched_and_random_numbers_go_on() -> None:
    recorder, found = Recorder(), torch.zeros(4, device="cuda")

    def step() -> None:
        found.add_(1)
        if found.sum().item() < 0:  # waits for the device
            found.zero_()

    for _ in range(3):
        recorder.run("step", step)
    assert not recorder.able
    assert found.tolist() == [3.0] * 4
    assert torch.rand(3, device="cuda").max() <= 1


def test_memory_that_was_recorded_in_is_given_up_and_taken_anew() -> None:
    recorder, found, kept = Recorder(), torch.zeros(4, device="cuda"), []

    def step() -> None:
        kept[:] = [found + 1]  # made while recording, and still there when the recording is not
        found.copy_(kept[0])

    for _ in range(3):
        for _ in range(3):
            recorder.run("step", step)
        recorder.forget()
    assert recorder.able
    assert found.tolist() == [9.0] * 4


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
@pytest.mark.parametrize("masked", [False, True])
def test_a_part_of_attention_is_that_on_a_cpu(dtype: torch.dtype, tolerance: float, masked: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(3, 2, n, 16, generator=draw) for n in (5, 19, 19))
    hidden = (torch.arange(19) > torch.tensor([[3], [18], [9]]))[:, None, None]
    mask = as_scores(hidden, torch.float32) if masked else None
    true = attend_apart(query, key, value, mask)
    on_gpu = [x.to("cuda", dtype) for x in (query, key, value)]
    scores = as_scores(hidden.cuda(), dtype) if masked else None
    for ours, theirs in zip(attend_apart(*on_gpu, scores), true, strict=True):
        assert (ours.float().cpu() - theirs).abs().mean() < tolerance


def test_a_rollout_draws_what_generate_draws_after_the_same_seed(
    asked: tuple[PreTrainedModel, list[Question], Any],
) -> None:
    model, some, _ = asked
    given = GenerationConfig(do_sample=True, max_new_tokens=MOST, top_k=0, pad_token_id=0, eos_token_id=[40])
    torch.manual_seed(5)
    rows = rollout(model, [some[0]] * 4, settings_of(model, given))
    after = torch.rand(1, device="cuda")
    torch.manual_seed(5)
    images = {
        "pixel_values": some[0].images["pixel_values"].repeat(4, 1),
        "image_grid_thw": some[0].images["image_grid_thw"].repeat(4, 1),
    }
    made = model.generate(
        input_ids=some[0].input_ids.expand(4, -1),
        **{name: value.expand(4, -1) for name, value in some[0].types.items()},
        **images,
        generation_config=given,
    )
    for row, theirs in zip(rows, made[:, len(some[0].input_ids) :].tolist(), strict=True):
        assert row.tokens == theirs[: len(row.tokens)]
    assert after == torch.rand(1, device="cuda")


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.02)])
def test_log_probabilities_and_gradients_are_those_of_a_cpu(tiny_model: Path, dtype: str, tolerance: float) -> None:
    processor = load_processor(tiny_model, "r1_zero", 3136, 12544)
    found = []
    for device, precision in (("cpu", "float32"), ("cuda", dtype)):
        model = load_model(tiny_model, precision).to(device)
        groups = []
        for i, row in enumerate(questions()):
            draw = torch.Generator().manual_seed(i)
            completions = [torch.randint(50, 150, (n,), generator=draw).to(device) for n in (3, 30, 1, 17)]
            groups.append((question_of(model, processor, row), completions))
        logs, _ = log_probs(model, stream_of(groups))
        logs.mean().backward()
        slopes = {name: p.grad.float().cpu() for name, p in model.named_parameters() if p.grad is not None}
        found.append((logs.detach().float().cpu(), slopes))
    (true, true_slopes), (ours, slopes) = found
    assert (ours - true).abs().mean() < tolerance
    largest = max(float(slope.norm()) for slope in true_slopes.values())
    assert slopes.keys() == true_slopes.keys()
    for name, slope in true_slopes.items():
        assert float((slopes[name] - slope).norm()) < 10 * tolerance * largest, name


@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bfloat16"])
def test_a_run_checks_itself_and_its_sampler_agrees_with_training(tiny_model: Path, bf16: bool) -> None:
    settings = SETTINGS | {"bf16": bf16, "use_cpu": False, "max_steps": 2, "max_completion_length": MOST, "beta": 0.04}
    made = GroupSharingTrainer(
        load_model(tiny_model, "float32"),
        [reward],
        GRPOConfig(output_dir=tempfile.mkdtemp(), **settings),
        train_dataset=questions(6),
        processing_class=load_processor(tiny_model, "r1_zero", 3136, 12544),
    )
    made.train()
    assert made._verified
    first = next(entry for entry in made.state.log_history if DIFFERENCE in entry)
    assert first[DIFFERENCE] < (0.05 if bf16 else 1e-4)
