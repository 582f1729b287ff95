"""Qwen2.5-VL: the vision tower attends within windows; all that a prompt sees is Qwen2-VL's."""

from visualzero.models.families.patches import Patches

FAMILY = Patches(processor="Qwen2_5_VLImages")
