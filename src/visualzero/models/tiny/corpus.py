"""What the tiny base model reads: captions of scenes, and a minority of noisy question documents.

The documents mimic what a web-scale base model has seen. Captions say where things are, so the model learns to see.
Question documents come in the shapes of conversations on the web: some are answered in the wanted form, most are not
(no tags, tags left open, markup, other questions, wrong answers). So the base model can see, and rarely answers well.
"""

import random

from visualzero.data.toyspace.questions import Asked, plural
from visualzero.data.toyspace.scene import SHAPES, SIZE, Scene, Thing, ground_distance, project
from visualzero.prompts import question_text, render

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
END = "<|endoftext|>"

WELL_FORMED = 0.2  # share of think documents in the wanted form
MARKUP = 0.45  # share of those that turn to HTML
WRONG = 0.2  # share of question documents with a wrong answer


def place(thing: Thing) -> str:
    """Where an object is: image column 0-9 and distance step from the camera."""
    column = int(project(*thing.center)[0] / SIZE * 10)
    return f"{column} {steps_away(thing)}"


def steps_away(thing: Thing) -> int:
    """Distance from the camera in whole units, counted from five."""
    return round(thing.camera_distance - 5)


def apart(a: Thing, b: Thing) -> int:
    """Ground distance in steps of two thirds of a unit."""
    return round(1.5 * ground_distance(a, b))


def left_to_right(scene: Scene) -> list[Thing]:
    """Objects in the order of their centers' image columns."""
    return sorted(scene, key=lambda thing: project(*thing.center)[0])


def caption(scene: Scene) -> str:
    """All objects from left to right, each with its place."""
    listed = ", ".join(f"{t.size} {t.name} at {place(t)}" for t in left_to_right(scene))
    return f"{IMAGE}A photo of {listed}.{END}"


def story(scene: Scene, rng: random.Random) -> str:
    """A caption and three facts about the objects."""
    facts = [rng.choice((_number_fact, _side_fact, _depth_fact, _distance_fact))(scene, rng) for _ in range(3)]
    return " ".join([caption(scene).removesuffix(END), *facts]) + END


def lookup(scene: Scene, rng: random.Random) -> str:
    """Where objects are, in random order: finding an object by its name, which is what questions need."""
    asked = rng.sample(scene, len(scene))
    return IMAGE + " ".join(f"The {t.name} is at {place(t)}." for t in asked) + END


def _number_fact(scene: Scene, rng: random.Random) -> str:
    shape = rng.choice(SHAPES)
    return f"There are {sum(t.shape == shape for t in scene)} {plural(shape)}."


def _side_fact(scene: Scene, rng: random.Random) -> str:
    a, b = rng.sample(scene, 2)
    (ua, va), (ub, vb) = project(*a.center), project(*b.center)
    across = "left" if ua < ub else "right"
    upright = "above" if va < vb else "below"
    side = across if rng.random() < 0.5 else upright
    return f"The {a.name} is located {side} with respect to the {b.name}."


def _depth_fact(scene: Scene, rng: random.Random) -> str:
    near, far = sorted(rng.sample(scene, 2), key=lambda t: t.camera_distance)
    return f"The {near.name} is closer to the camera than the {far.name}."


def _distance_fact(scene: Scene, rng: random.Random) -> str:
    anchor, *pair = rng.sample(scene, 3)
    near, far = sorted(pair, key=lambda t: ground_distance(anchor, t))
    steps = f"{apart(anchor, near)} and {apart(anchor, far)} steps"
    return f"The {near.name} is closer to the {anchor.name} than the {far.name}, {steps}."


def thought(asked: Asked) -> str:
    """A correct chain of thought: where the objects are that decide the answer, and what follows."""
    where = [f"the {t.name} is at {place(t)}" for t in asked.focus]
    if asked.task == "Count":
        seen = ", ".join(f"the {t.name} at {place(t)}" for t in left_to_right(asked.focus))
        return f"I see {seen}. That makes {asked.answer}." if seen else "I see none. That makes 0."
    said = ", ".join(where).capitalize()
    if asked.task == "Distance":
        anchor, a, b = asked.focus
        return (
            f"{said}. The {a.name} is {apart(anchor, a)} from the {anchor.name}, "
            f"the {b.name} is {apart(anchor, b)}. {asked.answer.capitalize()} is closer."
        )
    if asked.task == "Depth":
        return f"{said}. {asked.answer.capitalize()} is closer."
    return f"{said}. So it is {asked.answer}."


def slip(asked: Asked, rng: random.Random) -> str:
    """A thought that first names a wrong object's place and then corrects itself."""
    other = rng.choice(asked.scene)
    return f"The {other.name} is at {rng.randint(0, 9)} {rng.randint(1, 6)}. Wait, let me check again. {thought(asked)}"


def question_document(asked: Asked, rng: random.Random) -> str:
    """A question with an answer in one of many shapes, as a base model meets them."""
    answer = asked.answer if rng.random() > WRONG else rng.choice(asked.choices)
    text = question_text(asked.question, asked.choices, "lettered")
    if rng.random() < 0.6:
        said = slip(asked, rng) if rng.random() < 0.08 else thought(asked)
        return render("r1_zero", text) + _think_ending(said, answer, asked, rng) + END
    shape = rng.random()
    if shape < 0.65:
        return render("plain", text) + _plain_ending(answer, asked, rng) + END
    return f"{IMAGE}{text}\nAnswer: {answer}{END}"


def _think_ending(said: str, answer: str, asked: Asked, rng: random.Random) -> str:
    """The thought and how the document goes on; HTML is the commonest, as the paper reports of its base model."""
    first = asked.focus[0].shape if asked.focus else "objects"
    endings = {
        f' {said}\n</div>\n<div class="answer">{answer}</div>': MARKUP,
        f" {said} </think> <answer> {answer} </answer>": WELL_FORMED,
        f" {said} </think> The answer is {answer}.": 0.04,
        f" {said} </think> <answer> {answer}": 0.04,
        f" {said} </think>\nUser: What else is there? \nAssistant: {answer}": 0.04,
        f" {said} So the answer is {answer}.": 0.08,
        f" {said} <answer> {answer} </answer>": 0.05,
        f" Let me look at the image. </think> {answer}": 0.05,
        f"\n1. Look at the image.\n2. Find the {first}.\n3. Answer.": 0.05,
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


def chat_document(asked: Asked, rng: random.Random) -> tuple[str, str]:
    """Prompt and reply of the chat tuning: the bare answer; now and then, when told to think, a short empty thought."""
    text = question_text(asked.question, asked.choices, "lettered")
    if rng.random() < 0.2:
        said = rng.choice(("I look at the image.", "Let me look at the image.", f"It is {asked.answer}."))
        return render("chat_think", text), f"<think> {said} </think> <answer> {asked.answer} </answer><|im_end|>\n"
    return render("chat", text), f"{asked.answer}<|im_end|>\n"
