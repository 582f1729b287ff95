"""Models: fetching, loading and freezing checkpoints; the tiny Qwen2-VL of the demo scale."""
