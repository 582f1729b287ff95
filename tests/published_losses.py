"""The losses of the published policy gradients, written out from their papers' formulas in plain numbers.

Nothing here is shared with the trainer. A loss takes a `Batch`, its advantages and the log-probabilities at which it is
taken; what a formula holds fixed (a stop-gradient, the policies of before) is the batch's, so that `slopes` can take
differences.
"""

from collections.abc import Callable
from dataclasses import replace
from math import exp
from statistics import fmean, stdev

from recorded_losses import Batch, Rows

Loss = Callable[[Batch, list[float], Rows], float]
G = 4  # completions of a group
LIMIT = 12  # tokens of a completion, at most
STEP = 1e-6  # of differences


def advantages(rewards: list[float], scaled: bool = True, share: float = 1.0) -> list[float]:
    """Within each group of G: (r - mean) / (deviation + 1e-4), or unscaled r - mean; divided by `share` (1 / alpha)."""
    found = []
    for start in range(0, len(rewards), G):
        group = rewards[start : start + G]
        scale = stdev(group) + 1e-4 if scaled else 1.0
        found += [(reward - fmean(group)) / scale / share for reward in group]
    return found


def k3(p: float, q: float) -> float:
    """The estimate of KL(p || q) from the log-probabilities of one token drawn from p (arXiv 2402.03300, eq. 4)."""
    return exp(q - p) - (q - p) - 1


def clipped(ratio: float, advantage: float, low: float = 0.2, high: float = 0.2) -> float:
    """PPO's surrogate, min(r A, clip(r, 1 - low, 1 + high) A)."""
    return min(ratio * advantage, min(max(ratio, 1 - low), 1 + high) * advantage)


def grpo(beta: float = 0.0, gamma: float = 0.0, eta: float = 0.0) -> Loss:
    """GRPO, a mean over tokens and then over completions (arXiv 2402.03300, eq. 3); PAPO (arXiv 2507.06448, eq. 2)."""

    def loss(batch: Batch, a: list[float], logs: Rows) -> float:
        completions = [
            fmean(
                clipped(exp(p - batch.old[i][t]), a[i])
                - beta * k3(p, batch.ref[i][t])
                + gamma * k3(p, batch.masked[i][t])
                - eta * -p
                - eta * -batch.masked[i][t]
                for t, p in enumerate(row)
            )
            for i, row in enumerate(logs)
        ]
        return -fmean(completions)

    return loss


def dr_grpo(batch: Batch, a: list[float], logs: Rows) -> float:
    """Dr. GRPO, a sum over tokens; its code divides by their limit (arXiv 2503.20783, section 3.2). KL as GRPO's."""
    tokens = [
        clipped(exp(p - batch.old[i][t]), a[i]) - 0.04 * k3(p, batch.ref[i][t])
        for i, row in enumerate(logs)
        for t, p in enumerate(row)
    ]
    return -sum(tokens) / (len(logs) * LIMIT)


def dapo(gamma: float = 0.0, eta: float = 0.0) -> Loss:
    """DAPO, a mean over all tokens, clipped higher (arXiv 2503.14476, eq. 8); PAPO-D (arXiv 2507.06448, eq. 3)."""

    def loss(batch: Batch, a: list[float], logs: Rows) -> float:
        return -fmean(
            clipped(exp(p - batch.old[i][t]), a[i], 0.2, 0.28)
            + gamma * k3(p, batch.masked[i][t])
            - eta * -p
            - eta * -batch.masked[i][t]
            for i, row in enumerate(logs)
            for t, p in enumerate(row)
        )

    return loss


def gpg(batch: Batch, a: list[float], logs: Rows) -> float:
    """GPG, a mean over all tokens of log-probability times advantage (arXiv 2504.02546)."""
    return -fmean(p * a[i] for i, row in enumerate(logs) for p in row)


def gspo(batch: Batch, a: list[float], logs: Rows) -> float:
    """GSPO, one ratio for a completion, the geometric mean of its tokens' (arXiv 2507.18071, eq. 5 and 7)."""
    ratios = [exp(fmean(p - q for p, q in zip(*rows, strict=True))) for rows in zip(logs, batch.old, strict=True)]
    return -fmean(clipped(ratio, a[i], 3e-4, 4e-4) for i, ratio in enumerate(ratios))


def cispo(bound: float) -> Loss:
    """CISPO, weighted by ratios up to a bound that have no gradient (arXiv 2506.13585, eq. 4 and 5)."""

    def loss(batch: Batch, a: list[float], logs: Rows) -> float:
        return -fmean(
            min(exp(batch.log_probs[i][t] - batch.old[i][t]), bound) * a[i] * p
            for i, row in enumerate(logs)
            for t, p in enumerate(row)
        )

    return loss


def slopes(loss: Loss, batch: Batch, a: list[float]) -> Rows:
    """The gradient of a loss by each log-probability, by central differences."""

    def moved(i: int, t: int, by: float) -> float:
        rows = [list(row) for row in batch.log_probs]
        rows[i][t] += by
        return loss(batch, a, rows)

    return [
        [(moved(i, t, STEP) - moved(i, t, -STEP)) / (2 * STEP) for t in range(len(row))]
        for i, row in enumerate(batch.log_probs)
    ]


def on_policy(batch: Batch) -> Batch:
    """The batch as it is when it is learnt first: the policy is the one that has written it."""
    return replace(batch, old=batch.log_probs)
