"""Qwen2-VL, the paper's."""

from visualzero.models.families.family import Family

FAMILY = Family("Qwen2VLImages", ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>"))
