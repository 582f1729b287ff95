"""What the tiny base model reads: captions and facts about scenes, and noisy question documents.

The documents mimic what a web-scale base model has seen. Captions and facts say where things are and how they compare,
so the model learns to see. Question documents come in the shapes of conversations on the web: some are answered in the
wanted form, most are not (no tags, tags left open, markup, other questions, wrong answers). So the base model can see,
and rarely answers well.
"""

import random

from visualzero.data.toyspace.questions import Asked, plural
from visualzero.data.toyspace.scene import SHAPES, SIZE, Scene, Thing, ground_distance, project
from visualzero.prompts import question_text, render

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
END = "<|endoftext|>"

FACTS = 4  # in a document of facts
WELL_FORMED = 0.2  # share of think documents in the wanted form
MARKUP = 0.5  # share of those that turn to HTML: more than end the thought in any way, so it is the likeliest
WRONG = 0.2  # share of question documents with a wrong answer

Document = tuple[str, str]  # text without loss, text with loss


def column(thing: Thing) -> int:
    """The tenth of the image's width that the object's center is in, 0-9 from the left."""
    return int(project(*thing.center)[0] / SIZE * 10)


def row(thing: Thing) -> int:
    """The tenth of the image's height that the object's center is in, 0-9 from the top."""
    return int(project(*thing.center)[1] / SIZE * 10)


def steps_away(thing: Thing) -> int:
    """Distance from the camera in whole units, counted from five; at most 7."""
    return round(thing.camera_distance - 5)


def apart(a: Thing, b: Thing) -> int:
    """Ground distance in steps of two thirds of a unit, at most 9."""
    return min(9, round(1.5 * ground_distance(a, b)))


def place(thing: Thing) -> str:
    """Three digits: column, row and steps from the camera."""
    return f"{column(thing)}{row(thing)}{steps_away(thing)}"


def left_to_right(scene: Scene) -> list[Thing]:
    """Objects in the order of their centers' image columns."""
    return sorted(scene, key=lambda thing: project(*thing.center)[0])


def caption(scene: Scene) -> str:
    """All objects from left to right, each with its place."""
    listed = ", ".join(f"{t.size} {t.name} at {place(t)}" for t in left_to_right(scene))
    return f"{IMAGE}A photo of {listed}.{END}"


def facts(scene: Scene, rng: random.Random) -> str:
    """What can be said of some objects, in the words of the thoughts that lead to answers."""
    said: list[str] = []
    while len(said) < FACTS:
        anchor, a, b = rng.sample(scene, 3)
        shape = rng.choice(SHAPES)
        fact = rng.choice(
            (
                _number(shape, tuple(t for t in scene if t.shape == shape)),
                _relation(a, b, across=rng.random() < 0.5),
                _depth(a, b),
                _distance(anchor, a, b),
            )
        )
        if fact:
            said.append(fact)
    return IMAGE + " ".join(said) + END


def thought(asked: Asked) -> str:
    """A correct chain of thought: where the objects are that decide the answer, how they compare, what follows."""
    if asked.task == "Count":
        return _number(asked.question.split()[2].removesuffix("s"), asked.focus)
    if asked.task == "Distance":
        return _distance(*asked.focus)
    if asked.task == "Depth":
        return _depth(*asked.focus)
    a, b = asked.focus
    return _relation(a, b, across=asked.answer in ("left", "right"))


def _number(shape: str, things: tuple[Thing, ...]) -> str:
    counted = ", ".join(f"{n} {t.color}" for n, t in enumerate(left_to_right(things), 1))
    return f"The {plural(shape)} are {counted or 'none'}. That makes {len(things)}."


def _relation(a: Thing, b: Thing, across: bool) -> str:
    """Empty where the two are in the same column or row, as never in a question."""
    x, y = (column(a), column(b)) if across else (row(a), row(b))
    less, more = ("left", "right") if across else ("above", "below")
    way = "Across" if across else "Down"
    if x == y:
        return ""
    return f"{_where(a, b)}. {way}, {_compared(x, y)}, so it is {less if x < y else more}."


def _depth(a: Thing, b: Thing) -> str:
    """Empty where the two are equally many steps away."""
    x, y = steps_away(a), steps_away(b)
    if x == y:
        return ""
    return f"{_where(a, b)}. Away, {_compared(x, y)}, so it is the {(a if x < y else b).name}."


def _distance(anchor: Thing, a: Thing, b: Thing) -> str:
    """Empty where the two are equally many steps from the first."""
    x, y = apart(anchor, a), apart(anchor, b)
    if x == y:
        return ""
    steps = f"It is {x} to the {a.name}, {y} to the {b.name}"
    return f"{_where(anchor, a, b)}. {steps}. Apart, {_compared(x, y)}, so it is the {(a if x < y else b).name}."


def _where(*things: Thing) -> str:
    return ", ".join(f"the {t.name} is at {place(t)}" for t in things).capitalize()


def _compared(x: int, y: int) -> str:
    return f"{x} is {'less' if x < y else 'more'} than {y}"


def slip(asked: Asked, rng: random.Random) -> str:
    """A thought that first puts an object in a wrong place and then corrects itself."""
    wrong = f"The {rng.choice(asked.scene).name} is at {rng.randint(0, 999):03d}."
    return f"{wrong} Wait, let me check again. {thought(asked)}"


def question_document(asked: Asked, rng: random.Random) -> Document:
    """A question with an answer in one of many shapes, as a base model meets them."""
    answer = asked.answer if rng.random() > WRONG else rng.choice(asked.choices)
    text = question_text(asked.question, asked.choices, "lettered")
    if rng.random() < 0.75:
        said = slip(asked, rng) if rng.random() < 0.08 else thought(asked)
        return render("r1_zero", text), _think_ending(said, answer, asked, rng) + END
    if rng.random() < 0.65:
        return render("plain", text), _plain_ending(answer, asked, rng) + END
    return f"{IMAGE}{text}\nAnswer:", f" {answer}{END}"


def _think_ending(said: str, answer: str, asked: Asked, rng: random.Random) -> str:
    """The thought and how the document goes on; HTML is the commonest, as the paper reports of its base model."""
    first = asked.focus[0].shape if asked.focus else "objects"
    endings = {
        f' {said}\n</div>\n<div class="answer">{answer}</div>': MARKUP,
        f" {said} </think> <answer> {answer} </answer>": WELL_FORMED,
        f" {said} </think> The answer is {answer}.": 0.03,
        f" {said} </think> <answer> {answer}": 0.03,
        f" {said} </think>\nUser: What else is there? \nAssistant: {answer}": 0.03,
        f" {said} So the answer is {answer}.": 0.08,
        f" {said} <answer> {answer} </answer>": 0.05,
        f" Let me look at the image. </think> {answer}": 0.04,
        f"\n1. Look at the image.\n2. Find the {first}.\n3. Answer.": 0.04,
    }
    return rng.choices(list(endings), list(endings.values()))[0]


def _plain_ending(answer: str, asked: Asked, rng: random.Random) -> str:
    letter = "ABCDEF"[asked.choices.index(answer)]
    return rng.choice(
        (
            f"{answer}",
            f"{answer}.",
            f"The answer is {answer}.",
            f"({letter}) {answer}",
            f"<p>{answer}</p>\n</div>",
            f"I think {answer}. \nUser: Thank you.",
            "Let me look at the image.",
        )
    )


def chat_document(asked: Asked, rng: random.Random) -> Document:
    """Prompt and reply of the chat tuning: the bare answer; now and then, when told to think, a short empty thought."""
    text = question_text(asked.question, asked.choices, "lettered")
    if rng.random() < 0.2:
        said = rng.choice(("I look at the image.", "Let me look at the image.", f"It is {asked.answer}."))
        return render("chat_think", text), f"<think> {said} </think> <answer> {asked.answer} </answer><|im_end|>\n"
    return render("chat", text), f"{asked.answer}<|im_end|>\n"
