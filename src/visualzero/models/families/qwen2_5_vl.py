"""Qwen2.5-VL: the vision tower attends within windows; all that a prompt sees is Qwen2-VL's."""

from visualzero.models.families.family import Family

FAMILY = Family("Qwen2_5_VLImages", ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>"))
