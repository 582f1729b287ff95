"""Tiny random models of text, each with a tokenizer, under the names that TRL's tests ask the hub for."""

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.models.auto import CONFIG_MAPPING
from vocabulary import qwen

SIZE = {"hidden_size": 8, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
SIZE |= {"num_key_value_heads": 2, "initializer_range": 0.2, "max_position_embeddings": 4096}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32, "head_dim": 2}
MAMBA = {"layers_block_type": ["mamba", "attention", "moe"], "use_mamba_kernels": False, "mamba_num_heads": 8}
MAMBA |= {"mamba_head_dim": 4, "mamba_n_groups": 1, "ssm_state_size": 16, "hidden_size": 16}
MAMBA |= {"n_routed_experts": 4, "moe_shared_expert_intermediate_size": 32}

# name: the kind of its configuration, what is its own there, its chat template
MODELS: dict[str, tuple[str, dict[str, Any], str]] = {
    "Qwen2ForCausalLM-2.5": ("qwen2", {}, "qwen2_5"),
    "Qwen3ForCausalLM": ("qwen3", {"head_dim": 2}, "qwen3"),
    "Qwen3MoeForCausalLM": ("qwen3_moe", EXPERTS | {"num_experts": 4}, "qwen3"),
    "LlamaForCausalLM-3.2": ("llama", {}, "llama3_2"),
    "MistralForCausalLM-0.2": ("mistral", {"head_dim": 2, "sliding_window": None}, "llama3"),
    "Gemma2ForCausalLM": ("gemma2", {"head_dim": 2}, "gemma"),
    "Cohere2ForCausalLM": ("cohere2", {"logit_scale": 1.0}, "cohere2"),
    "Glm4MoeForCausalLM": ("glm4_moe", EXPERTS | {"n_routed_experts": 4}, "glm4moe"),
    "GptOssForCausalLM": ("gpt_oss", EXPERTS | {"num_local_experts": 4}, "gptoss"),
    "NemotronHForCausalLM-nano": ("nemotron_h", EXPERTS | MAMBA, "nemotron_3_nano"),
    "RemoteForCausalLM": ("llama", {}, "llama3_2"),
    "Qwen2ForSequenceClassification-2.5": ("qwen2", {"num_labels": 1}, "qwen2_5"),
    "Qwen3ForSequenceClassification": ("qwen3", {"num_labels": 1, "head_dim": 2}, "qwen3"),
    "LlamaForSequenceClassification-3.2": ("llama", {"num_labels": 1}, "llama3_2"),
}


def make(name: str, large: bool) -> tuple[Any, Any]:
    """A random model, always the same, and its tokenizer; with a `large` vocabulary if asked for."""
    kind, own, template = MODELS[name]
    words = qwen(template, large)
    ids = {"eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id, "bos_token_id": None}
    config = CONFIG_MAPPING[kind](**SIZE | {"vocab_size": len(words)} | ids | own)
    torch.manual_seed(0)
    auto = AutoModelForSequenceClassification if "num_labels" in own else AutoModelForCausalLM
    return auto.from_config(config), words
