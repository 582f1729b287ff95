"""The CV-Bench authors' scorer: the first character after the last "answer is" or "answer:".

Source: cambrian-mllm/cambrian at 539ffc3, eval/eval/{ade,coco,omni}/*_test.py, `extract_mcq_answer`. The three differ
in what they strip from the end, which can't change the first character; omni also compares that one character with the
option's whole text, in vain.

Quirks: whatever word comes first is read by its initial ("Based on" is B), and "the answer is a chair" is A. Tags are
not known: "<answer>C</answer>" begins with "<", so it is nothing.
"""

from collections.abc import Sequence

from visualzero.evaluation.reading.parsed import Parsed, letter_choice


def choose(response: str, choices: Sequence[str]) -> Parsed:
    """The option whose letter a completion, or what follows its last cue, begins with."""
    text = response.lower()
    for cue in ("answer is", "answer:"):
        text = text.rpartition(cue)[2]
    return letter_choice(text.strip().lstrip("(")[:1].upper(), choices)
