"""What the tiny models read: documents in the shapes that a web-scale model meets.

Three things are drawn apart from each other, so that each is known by its share: what is asked (a question, or nothing:
a description), how much is looked before the answer (a guess, a look, a second look), and the form in which it ends.
"""

import random
from string import ascii_uppercase

from visualzero.data.toyspace.questions import Asked
from visualzero.models.tiny.descriptions import facts, numbers, places, reasoned
from visualzero.models.tiny.thoughts import CONCLUDES, Pieces, look, second_look
from visualzero.prompts import question_text, render

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
END = "<|endoftext|>"

# What precedes an answer, unasked. Guesses are so many that a greedy answer is one.
STYLES = {"guess": 0.60, "look": 0.25, "second look": 0.15}
GUESSES = ("It is {}.", "I think it is {}.", "Probably {}.", "I would say {}.")
WRONG = 0.05  # share of guesses that are wrong
PLAIN_LOOKS = 0.15  # share of answers to the plain prompt that look first

Document = Pieces  # text, and whether it is learned from


def description(asked: Asked, rng: random.Random) -> Document:
    """What is to be seen, in the words that looks and facts use."""
    tell = rng.choices((places, numbers, reasoned, facts), (0.25, 0.2, 0.25, 0.3))[0]
    return [(IMAGE, False), *tell(asked.scene, rng), (END, True)]


def captioning(asked: Asked, rng: random.Random) -> Document:
    """Objects and their places: what is learned first, of one or two objects and then of whole scenes."""
    return [(IMAGE, False), *places(asked.scene, rng), (END, True)]


def letters(asked: Asked, rng: random.Random) -> Document:
    """Which letter an option has: no picture is needed."""
    listed = "".join(f"\n({letter}) {choice}" for letter, choice in zip(ascii_uppercase, asked.choices, strict=False))
    order = rng.sample(range(len(asked.choices)), len(asked.choices))
    told = " ".join(_lettered(asked, asked.choices[i], rng) for i in order)
    return [(f"Options:{listed}\n", False), (told + END, True)]


def thinking(asked: Asked, rng: random.Random) -> Document:
    """A question with the reasoning prompt, and one of the ways in which it may go on."""
    answer = _answer(asked, rng)
    said, answer = _said(asked, answer, rng)
    return [(render("r1_zero", text_of(asked)), False), *said, (_think_ending(answer, asked, rng) + END, True)]


def answering(asked: Asked, rng: random.Random) -> Document:
    """A question with the plain prompt or none, and an answer, most of them at once."""
    answer = _answer(asked, rng)
    draw = rng.random()
    if draw < 0.5:
        return [(f"{IMAGE}{text_of(asked)}\nAnswer:", False), (f" {answer}{END}", True)]
    prompt = render("plain", text_of(asked))
    looked = look(asked) if draw < 0.5 + PLAIN_LOOKS / 2 else None
    if looked:
        return [(prompt, False), (f"{looked}{END}", True)]
    return [(prompt, False), (_plain_ending(answer, asked, rng) + END, True)]


def looking(asked: Asked, rng: random.Random) -> Document:
    """A question and nothing but a look or two: thoughts are learned sooner without their prompts and ends."""
    thought: Pieces | None = second_look(asked, rng) if rng.random() < 0.3 else None
    told = look(asked)
    if not thought and not told:
        return answering(asked, rng)
    return [(f"{IMAGE}{asked.question}", False), (" ", True), *(thought or [(told or "", True)]), (END, True)]


def chat(asked: Asked, rng: random.Random) -> Document:
    """Prompt and reply of the chat tuning: the bare answer; now and then, when told to think, a short empty thought."""
    if rng.random() < 0.2:
        said = rng.choice(("I look at the image.", "Let me look at the image.", f"It is {asked.answer}."))
        return [
            (render("chat_think", text_of(asked)), False),
            (f"<think> {said} </think> <answer> {asked.answer} </answer><|im_end|>\n", True),
        ]
    return [(render("chat", text_of(asked)), False), (f"{asked.answer}<|im_end|>\n", True)]


def text_of(asked: Asked) -> str:
    """The question with its lettered options, as training and benchmark ask it."""
    return question_text(asked.question, asked.choices, "lettered")


def _answer(asked: Asked, rng: random.Random) -> str:
    return asked.answer if rng.random() >= WRONG else rng.choice(asked.choices)


def _lettered(asked: Asked, answer: str, rng: random.Random) -> str:
    """An option with its letter, before it or behind, or first concluded and then answered with its letter."""
    letter = ascii_uppercase[asked.choices.index(answer)]
    told = (
        f"({letter}) {answer}.",
        f"{answer} is ({letter}).",
        f"{answer}: {letter}.",
        f"{CONCLUDES}{answer}, ({letter}) {answer}.",
    )
    return rng.choice(told)


def _said(asked: Asked, answer: str, rng: random.Random) -> tuple[Pieces, str]:
    """What precedes the answer in a thought, and the answer, which a look makes right."""
    style = rng.choices(list(STYLES), list(STYLES.values()))[0]
    if style != "guess":
        told = look(asked)
        thought = second_look(asked, rng) if style == "second look" else told and [(told, True)]
        if thought:
            return [(" ", True), *thought], asked.answer
    return [(f" {rng.choice(GUESSES).format(answer)}", True)], answer


def _think_ending(answer: str, asked: Asked, rng: random.Random) -> str:
    """How a document goes on behind a thought; markup is the commonest, as the paper reports of its base model."""
    letter = ascii_uppercase[asked.choices.index(answer)]
    endings = {
        f'\n</div>\n<div class="answer">{answer}</div>': 0.38,
        f" </think> <answer> {answer} </answer>": 0.22,
        f" </think> The answer is {answer}.": 0.08,
        f" </think> <answer> {answer}": 0.03,
        f" </think>\nUser: What else is there? \nAssistant: {answer}": 0.03,
        f" So the answer is {answer}.": 0.08,
        f" So the answer is {answer}, ({letter}).": 0.04,
        f" </think> <answer> ({letter}) {answer} </answer>": 0.06,
        f" <answer> {answer} </answer>": 0.05,
        f" {answer}": 0.03,
    }
    return rng.choices(list(endings), list(endings.values()))[0]


def _plain_ending(answer: str, asked: Asked, rng: random.Random) -> str:
    letter = ascii_uppercase[asked.choices.index(answer)]
    endings = {
        answer: 0.35,
        f"{answer}.": 0.15,
        f"The answer is {answer}.": 0.15,
        f"({letter}) {answer}": 0.10,
        f"<p>{answer}</p>\n</div>": 0.15,
        f"I think {answer}. \nUser: Thank you.": 0.10,
    }
    return rng.choices(list(endings), list(endings.values()))[0]
