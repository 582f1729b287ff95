"""The demo scale's checkpoints: a Qwen2-VL of about three million parameters, made from nothing.

`architecture` builds the model and its tokenizer, `corpus` writes what it learns from, `pretrain` trains it.
"""
