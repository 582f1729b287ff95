"""How much is answered at a time: what evaluation goes by, and the plan."""

PREFILLED = 4096  # tokens of prompts that go through the model in a pass
CACHE_SHARE = 0.5  # of the memory that is free, for keys and values; the rest is for prompts and logits
MOST_ROWS = {"cuda": 1024, "cpu": 256}  # with `batch_size: auto`; with more a step takes as many times as long
