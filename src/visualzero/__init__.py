"""visualzero: a reproducible R1-Zero study of vision-language models (data, SFT, GRPO, evaluation, report)."""

__version__ = "0.1.0"
