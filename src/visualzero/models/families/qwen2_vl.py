"""Qwen2-VL, the paper's."""

from visualzero.models.families.patches import Patches

FAMILY = Patches(processor="Qwen2VLImages")
