"""Qwen2.5-VL: the vision tower attends within windows; all that a prompt sees is Qwen2-VL's."""

from visualzero.models.families import Family
from visualzero.models.processing_images import Qwen2_5_VLImages

FAMILY = Family(Qwen2_5_VLImages, ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>"))
