"""Qwen3-VL: a token of an image is 32 x 32 pixels, and several layers of the vision tower reach the decoder."""

from visualzero.models.families.patches import Patches

FAMILY = Patches(processor="Qwen3VLImages")
