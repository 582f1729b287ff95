"""How varied thoughts are: the paper's "trivial" and "low-diversity" reasoning as numbers.

Each number compares thoughts of different questions, so the benchmark's own templates set a floor: compare arms on the
same questions. All are of the thoughts that have a word; those without are counted in `analysis`.
"""

import random
import zlib
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

from visualzero.evaluation.reasoning.thoughts import Sample

MAX_PAIRS = 10_000
BLOCK = 1_000
SEED = 0


def diversity(samples: Sequence[Sample]) -> dict[str, Any]:
    """Measures of variety; None where there are too few thoughts or words.

    Returns:
        n: thoughts with a word.
        distinct: different n-grams / n-grams, for n = 1, 2, 3 over all thoughts (Li et al., arXiv 1510.03055). It falls
            with the amount of text, so it compares only arms that write about as much.
        distinct_per_1000: the same as a mean over blocks of 1,000 n-grams, with the thoughts in a seeded random order:
            it doesn't fall with the amount of text (the idea of the mean segmental type-token ratio).
        self_similarity: mean Jaccard similarity of the word bigrams of two thoughts, over `pairs` pairs: all of them or
            a seeded sample. From 0, no bigram in common, to 1, all thoughts the same.
        duplicate_share: thoughts whose words repeat an earlier thought's exactly.
        compression_ratio: bytes of all thoughts / bytes after zlib (Shaib et al., arXiv 2403.00553): the more they
            repeat themselves and each other, the higher.
    """
    thoughts = [sample for sample in samples if sample.words]
    thoughts = random.Random(SEED).sample(thoughts, len(thoughts))
    words = [sample.words for sample in thoughts]
    ngrams = {str(n): _ngrams(words, n) for n in (1, 2, 3)}
    pairs = _pairs(len(words))
    return {
        "n": len(words),
        "distinct": {n: _distinct(some) for n, some in ngrams.items()},
        "distinct_per_1000": {n: _distinct_in_blocks(some) for n, some in ngrams.items()},
        "self_similarity": _similarity(words, pairs),
        "pairs": len(pairs),
        "duplicate_share": 1 - len({tuple(one) for one in words}) / len(words) if words else None,
        "compression_ratio": compression_ratio("\n".join(sample.thought or "" for sample in thoughts)),
    }


def compression_ratio(text: str) -> float | None:
    """Bytes of a text / bytes after zlib, None for an empty one; about 2 for English prose of 3,000 characters."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else None


def _ngrams(thoughts: Sequence[Sequence[str]], n: int) -> list[tuple[str, ...]]:
    return [ngram for words in thoughts for ngram in zip(*(words[start:] for start in range(n)), strict=False)]


def _distinct(ngrams: Sequence[tuple[str, ...]]) -> float | None:
    return len(set(ngrams)) / len(ngrams) if ngrams else None


def _distinct_in_blocks(ngrams: Sequence[tuple[str, ...]]) -> float | None:
    blocks = [ngrams[start : start + BLOCK] for start in range(0, len(ngrams) - BLOCK + 1, BLOCK)]
    return sum(len(set(block)) for block in blocks) / BLOCK / len(blocks) if blocks else None


def _pairs(n: int) -> list[tuple[int, int]]:
    """All pairs of n thoughts, or a seeded sample with replacement of the pairs."""
    if n * (n - 1) // 2 <= MAX_PAIRS:
        return list(combinations(range(n), 2))
    rng = random.Random(SEED)
    return [(a, b) for a, b in (rng.sample(range(n), 2) for _ in range(MAX_PAIRS))]


def _similarity(thoughts: Sequence[Sequence[str]], pairs: Sequence[tuple[int, int]]) -> float | None:
    # The marks at both ends give a thought of one word bigrams too.
    bigrams = [set(pairwise(["<", *words, ">"])) for words in thoughts]
    if not pairs:
        return None
    return sum(len(bigrams[a] & bigrams[b]) / len(bigrams[a] | bigrams[b]) for a, b in pairs) / len(pairs)
