"""Training: supervised fine-tuning and GRPO with TRL, one file per recipe."""
