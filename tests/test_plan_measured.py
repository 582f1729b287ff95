"""The plan's arithmetic against the thing itself: parameters, FLOPs and bytes of real models on this machine."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration
from trl.trainer.utils import add_fused_lm_head

from visualzero.config import Grpo, Lora, prompt_styles
from visualzero.models.freezing import freeze
from visualzero.planning.architecture import Architecture
from visualzero.planning.cost import (
    decode_flops,
    forward_cost,
    lora_parameters,
    prefill_flops,
    scored_positions,
    update_cost,
)
from visualzero.planning.memory import (
    Pass,
    activation_bytes,
    language_layer_bytes,
    training_memory,
    vision_block_bytes,
)
from visualzero.planning.precision import MIXED, SINGLE, Precision
from visualzero.planning.prompts import CHOICES, QUESTION, rendered
from visualzero.planning.published import QWEN2_VL_2B
from visualzero.planning.workload import Lengths, Training
from visualzero.prompts import question_text, render

TINY = Path(__file__).resolve().parents[1] / "models" / "tiny-base" / "config.json"
IMAGE, START, END = 1, 2, 3  # token ids of the small models made here
ROWS, VISUAL, TEXT, COMPLETION = 2, 16, 14, 30
LENGTHS = Lengths(VISUAL, TEXT, COMPLETION, COMPLETION)
# What torch's counter knows of CUDA's attention, for the CPU's; and the product of TRL's head that works in place.
ATEN = torch.ops.aten
CPU_FORMULAS = {
    ATEN._scaled_dot_product_flash_attention_for_cpu: lambda *shapes, **_: sdpa_flop_count(*shapes[:3]),
    ATEN._scaled_dot_product_flash_attention_for_cpu_backward: lambda *shapes, **_: sdpa_backward_flop_count(
        *shapes[:4]
    ),
    ATEN.addmm_: lambda _into, a, b, **_: 2 * a[0] * a[1] * b[1],
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def small_config(layers: int = 2, depth: int = 2) -> Qwen2VLConfig:
    """Sizes that are all different, so that no two can be mixed up unseen."""
    return Qwen2VLConfig(
        text_config={
            "hidden_size": 96,
            "num_hidden_layers": layers,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "intermediate_size": 224,
            "vocab_size": 400,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": 0,
            "eos_token_id": 0,
        },
        vision_config={"depth": depth, "embed_dim": 64, "hidden_size": 96, "num_heads": 4, "mlp_ratio": 3},
        tie_word_embeddings=True,
        image_token_id=IMAGE,
        video_token_id=4,
        vision_start_token_id=START,
        vision_end_token_id=END,
    )


def small_model(layers: int = 2, depth: int = 2) -> Qwen2VLForConditionalGeneration:
    model = Qwen2VLForConditionalGeneration._from_config(small_config(layers, depth), attn_implementation="sdpa")
    add_fused_lm_head(model, outputs=("log_probs", "entropy"))
    return model.train()


def architecture(config: Qwen2VLConfig) -> Architecture:
    return Architecture.from_config(json.loads(config.to_json_string(use_diff=False)), "a test")


def run(
    model: Architecture, frozen: tuple[str, ...] = (), checkpointing: bool = False, lora: Lora | None = None
) -> Training:
    recipe = Grpo(
        steps=1,
        batch_size=1,
        group_size=2,
        micro_batch=2,
        learning_rate=1e-3,
        max_completion=COMPLETION,
        dtype="float32",
        gradient_checkpointing=checkpointing,
        lora=lora,
        save_steps=1,
        threads=1,
    )
    return Training("an-arm", [1], recipe, list(frozen), model, LENGTHS)


def prompts() -> dict[str, torch.Tensor]:
    """`ROWS` prompts with an image each, the first one padded."""
    ids = torch.randint(5, 400, (ROWS, VISUAL + TEXT))
    ids[:, 2], ids[:, 3 : 3 + VISUAL], ids[:, 3 + VISUAL] = START, IMAGE, END
    mask = torch.ones_like(ids)
    mask[0, 0] = 0
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "mm_token_type_ids": (ids == IMAGE).long(),
        "pixel_values": torch.randn(ROWS * VISUAL * 4, 1176),
        "image_grid_thw": torch.tensor([[1, 8, 8]] * ROWS),
    }


def sequences() -> dict[str, torch.Tensor]:
    """Prompts with completions, which alone have labels, as GRPO's update sees them."""
    inputs = prompts()
    answers = torch.randint(5, 400, (ROWS, COMPLETION))
    ignored = torch.full_like(inputs["input_ids"], -100)
    for name, more in (("input_ids", answers), ("attention_mask", answers > 0), ("mm_token_type_ids", answers < 0)):
        inputs[name] = torch.cat([inputs[name], more.to(inputs[name].dtype)], dim=1)
    return {**inputs, "labels": torch.cat([ignored, answers], dim=1)}


def test_qwen2_vl_2b_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(**QWEN2_VL_2B))
    planned = Architecture.from_config(QWEN2_VL_2B, "built in")
    assert planned.parameters == sum(p.numel() for p in model.parameters()) == 2_208_985_600
    assert planned.vision.parameters == sum(p.numel() for p in model.model.visual.parameters())
    assert planned.language.parameters == sum(p.numel() for p in model.model.language_model.parameters())


def test_the_tiny_model_has_the_planned_number_of_parameters() -> None:
    with torch.device("meta"):
        model = Qwen2VLForConditionalGeneration(Qwen2VLConfig.from_pretrained(TINY.parent))
    planned = Architecture.from_config(json.loads(TINY.read_text()), str(TINY))
    assert planned.parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("frozen", [(), ("vision",), ("language",)], ids=str)
def test_trainable_parameters_are_those_that_freezing_leaves(frozen: tuple[str, ...]) -> None:
    model = small_model()
    freeze(model, frozen)
    assert architecture(model.config).trainable(frozen) == sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_adapters_have_the_planned_number_of_parameters() -> None:
    model, lora = small_model(), Lora(r=4, alpha=8, targets=["q_proj", "v_proj", "down_proj", "qkv", "fc1"])
    planned = lora_parameters(architecture(model.config), lora)
    adapted = get_peft_model(model, LoraConfig(r=lora.r, lora_alpha=lora.alpha, target_modules=lora.targets))
    assert planned == sum(p.numel() for p in adapted.parameters() if p.requires_grad)


@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "checkpointed"])
@pytest.mark.parametrize("frozen", [(), ("vision",), ("language",)], ids=str)
def test_flops_of_an_update_are_what_torch_counts(frozen: tuple[str, ...], checkpointing: bool) -> None:
    model = small_model()
    freeze(model, frozen)
    if checkpointing:
        model.gradient_checkpointing_enable()
    inputs = sequences()
    with FlopCounterMode(display=False, custom_mapping=CPU_FORMULAS) as counter:
        outputs = model(**inputs, fused_lm_head=True)
        forward = counter.get_total_flops()
        outputs.log_probs.sum().backward()
    planned = run(architecture(model.config), frozen, checkpointing)
    planned = replace(planned, recipe=planned.recipe.model_copy(update={"sharing": False}))
    scored = scored_positions(planned, COMPLETION, triton=False)
    # A tenth of a percent: torch also counts the angles of the rotation.
    assert ROWS * forward_cost(planned, COMPLETION, scored).total == pytest.approx(forward, rel=1e-3)
    assert ROWS * update_cost(planned, COMPLETION, scored).total == pytest.approx(counter.get_total_flops(), rel=1e-3)


def test_flops_of_rollouts_are_what_torch_counts() -> None:
    model = small_model().eval()
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=CPU_FORMULAS) as counter:
        model.generate(**prompts(), do_sample=False, min_new_tokens=COMPLETION, max_new_tokens=COMPLETION)
    sizes = architecture(model.config)
    each = prefill_flops(sizes, VISUAL, VISUAL + TEXT) + decode_flops(sizes.language, VISUAL + TEXT, COMPLETION)
    # The first token comes out of the prompt's pass, so that one step fewer is run than tokens are sampled.
    assert ROWS * each == pytest.approx(counter.get_total_flops(), rel=0.03)


def kept_bytes(layers: int, depth: int, autocast: bool, checkpointing: bool) -> int:
    """Bytes that autograd keeps of a forward pass, parameters and their casts aside."""
    model = small_model(layers, depth)
    if checkpointing:
        model.gradient_checkpointing_enable()
    weights = {tuple(sorted(p.shape)) for p in model.parameters() if p.dim() == 2}
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        cast = autocast and tuple(sorted(tensor.shape)) in weights
        if not cast and tensor.untyped_storage().data_ptr() not in parameters:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=autocast),
    ):
        model(**sequences(), fused_lm_head=True)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "autocast"])
def test_a_decoder_layer_keeps_the_planned_bytes(autocast: bool) -> None:
    sequence = VISUAL + TEXT + COMPLETION
    planned = language_layer_bytes(architecture(small_config()), sequence, MIXED if autocast else SINGLE)
    one_more = kept_bytes(3, 1, autocast, False) - kept_bytes(2, 1, autocast, False)
    assert ROWS * sequence * planned == pytest.approx(one_more, rel=0.01)


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "autocast"])
def test_a_vision_block_keeps_the_planned_bytes(autocast: bool) -> None:
    planned = vision_block_bytes(architecture(small_config()), MIXED if autocast else SINGLE)
    one_more = kept_bytes(1, 3, autocast, False) - kept_bytes(1, 2, autocast, False)
    # Under autocast the CPU leaves norms in bfloat16, which a GPU computes in float32.
    assert ROWS * VISUAL * 4 * planned == pytest.approx(one_more, rel=0.15 if autocast else 0.01)


def test_with_checkpointing_every_further_layer_keeps_its_input_alone() -> None:
    def planned(layers: int, depth: int) -> float:
        sizes = architecture(small_config(layers, depth))
        sequence = VISUAL + TEXT + COMPLETION
        return ROWS * activation_bytes(sizes, Pass(VISUAL, sequence, sequence, 1), SINGLE, True)

    grown = kept_bytes(3, 3, False, True) - kept_bytes(2, 2, False, True)
    assert planned(3, 3) - planned(2, 2) == pytest.approx(grown, rel=0.01)


def test_weights_gradients_and_optimizer_take_the_planned_bytes() -> None:
    model = small_model()
    optimizer = torch.optim.AdamW(model.parameters())
    model(**sequences(), fused_lm_head=True).log_probs.sum().backward()
    optimizer.step()
    moments = [state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    planned = training_memory(run(architecture(model.config)), COMPLETION, gpus=1)
    assert planned.weights == sum(p.nbytes for p in model.parameters())
    assert planned.gradients == sum(p.grad.nbytes for p in model.parameters())
    assert planned.optimizer == sum(moment.nbytes for moment in moments)


@pytest.mark.parametrize(("autocast", "precision"), [(False, SINGLE), (True, MIXED)], ids=["float32", "autocast"])
def test_the_cache_takes_the_planned_bytes(autocast: bool, precision: Precision) -> None:
    model = small_model().eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        cache = model(**prompts(), use_cache=True).past_key_values
    numbers = ROWS * (VISUAL + TEXT) * architecture(model.config).language.cached
    assert numbers * precision.cached == sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)


@pytest.mark.parametrize("style", prompt_styles())
def test_prompts_are_counted_as_transformers_renders_them(style: str) -> None:
    assert rendered(style, "lettered") == render(style, question_text(QUESTION, CHOICES, "lettered"))
