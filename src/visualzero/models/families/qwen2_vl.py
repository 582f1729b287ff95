"""Qwen2-VL, the paper's."""

from visualzero.models.families import Family
from visualzero.models.processing_images import Qwen2VLImages

FAMILY = Family(Qwen2VLImages, ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>"))
