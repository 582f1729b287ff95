"""Models: what is loaded is what was saved, without its sampling defaults; what is frozen stays as it is."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from hub_server import Hub, hub
from real_data import real
from visualzero.config import ModelSource
from visualzero.data.image import decode_image
from visualzero.errors import UserError
from visualzero.manifest import read_manifest, verify
from visualzero.models.adapters import check_targets
from visualzero.models.families import FAMILIES
from visualzero.models.fetching import fetch_model
from visualzero.models.freezing import freeze
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor, prompt_record
from visualzero.models.publishing import save_processor
from visualzero.models.tiny.pools import IMAGE_TOKENS, patchify
from visualzero.prompts import render, user_message

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["hub"]  # the fixture
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
SIZES = {"min_pixels": 3136, "max_pixels": 12544}
STYLES = ["plain", "r1_zero", "chat", "chat_think"]


@pytest.fixture(scope="module")
def processor(tiny_model: Path) -> ImageProcessor:
    return load_processor(tiny_model, "r1_zero", **SIZES)


@pytest.fixture(scope="module")
def images(toyspace: "pd.DataFrame") -> list[Image.Image]:
    return [decode_image(row.image, row.id) for row in toyspace.itertuples()][:4]


@pytest.fixture
def checkpoint(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy that a test may break, with its manifest beside the weights, as models/ has it."""
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_model, folder)
    return folder


def prompt_inputs(processor: ImageProcessor, images: list[Image.Image], texts: list[str]) -> Any:
    prompts = [render("r1_zero", text) for text in texts]
    return processor(images=images, text=prompts, padding=True, return_tensors="pt")


# The processor


def test_pixel_values_are_those_of_transformers_own_image_processor(
    processor: ImageProcessor, images: list[Image.Image]
) -> None:
    theirs = Qwen2VLImageProcessorPil(min_pixels=3136, max_pixels=12544)(images, return_tensors="pt")
    ours = prompt_inputs(processor, images, ["How many?"] * len(images))
    assert torch.equal(ours["pixel_values"], theirs["pixel_values"])
    assert torch.equal(ours["image_grid_thw"], theirs["image_grid_thw"])
    assert ours["image_grid_thw"].tolist() == [[1, 8, 8]] * len(images)


def reference_pixels(image: Image.Image, min_pixels: int, max_pixels: int) -> torch.Tensor:
    """Qwen2-VL's preprocessing, written down from its paper's description: (patches, 2 x 3 x 14 x 14), merged 2 x 2."""
    height, width = smart_resize(image.height, image.width, 28, min_pixels, max_pixels)
    pixels = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    pixels = (pixels - CLIP_MEAN) / CLIP_STD
    frames = np.stack([pixels, pixels])  # an image is a film of two equal frames
    cut = frames.reshape(2, height // 28, 2, 14, width // 28, 2, 14, 3)
    return torch.from_numpy(cut.transpose(1, 4, 2, 5, 7, 0, 3, 6).reshape(-1, 3 * 2 * 14 * 14)).float()


def test_pixel_values_are_those_of_the_published_preprocessing(tiny_model: Path) -> None:
    photograph = Image.open(real("cvbench_image/idx2_table_lamps.png")).convert("RGB")
    processor = load_processor(tiny_model, "plain", 3136, 401408)
    inputs = processor(images=[photograph], text=["<|image_pad|>"], return_tensors="pt")
    assert inputs["image_grid_thw"].tolist() == [[1, 38, 52]]  # 2048 x 1536 pixels become 728 x 532: 494 tokens
    assert int((inputs["input_ids"] == processor.image_token_id).sum()) == 494
    expected = reference_pixels(photograph, 3136, 401408)
    assert inputs["pixel_values"].shape == expected.shape == (38 * 52, 1176)
    assert torch.allclose(inputs["pixel_values"], expected, atol=1e-5)


def test_a_checkpoint_says_how_pixels_are_normalized(checkpoint: Path, images: list[Image.Image]) -> None:
    published = {  # Qwen2-VL-2B's preprocessor_config.json
        "min_pixels": 3136,
        "max_pixels": 12845056,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2VLProcessor",
    }
    without = prompt_inputs(load_processor(checkpoint, "r1_zero", **SIZES), images[:1], ["How many?"])
    file = checkpoint / "preprocessor_config.json"
    file.write_text(json.dumps(published))
    same = prompt_inputs(load_processor(checkpoint, "r1_zero", **SIZES), images[:1], ["How many?"])
    assert torch.equal(same["pixel_values"], without["pixel_values"])  # and the sizes are the config's
    file.write_text(json.dumps(published | {"image_mean": [0.0] * 3, "image_std": [1.0] * 3}))
    other = prompt_inputs(load_processor(checkpoint, "r1_zero", **SIZES), images[:1], ["How many?"])
    assert 0 <= float(other["pixel_values"].min()) < float(other["pixel_values"].max()) <= 1
    file.write_text(json.dumps(published | {"rescale_factor": 1 / 127.5, "do_normalize": False, "resample": 2}))
    other = prompt_inputs(load_processor(checkpoint, "r1_zero", **SIZES), images[:1], ["How many?"])
    assert 1 < float(other["pixel_values"].max()) <= 2


def test_what_a_model_reads_can_be_recorded(processor: ImageProcessor, images: list[Image.Image]) -> None:
    prompt = render("r1_zero", "How many?")
    record = prompt_record(processor, prompt, images[0])
    ids = [int(token) for token in record["token_ids"].split(" ")]
    assert record["prompt"] == prompt
    assert ids == prompt_inputs(processor, images[:1], ["How many?"])["input_ids"][0].tolist()
    assert ids.count(processor.image_token_id) == IMAGE_TOKENS
    assert processor.tokenizer.decode(ids).replace("<|image_pad|>" * IMAGE_TOKENS, "<|image_pad|>") == prompt


def test_pretraining_sees_the_pixels_that_the_processor_makes(
    processor: ImageProcessor, images: list[Image.Image]
) -> None:
    ours = prompt_inputs(processor, images, ["How many?"] * len(images))["pixel_values"]
    patches = patchify(np.stack([np.asarray(image) for image in images]))
    assert patches.shape == ours.shape
    assert torch.allclose(patches, ours, atol=1e-5)


def test_an_image_takes_its_tokens_in_the_prompt(processor: ImageProcessor, images: list[Image.Image]) -> None:
    inputs = prompt_inputs(processor, images[:1], ["How many?"])
    assert int((inputs["input_ids"] == processor.image_token_id).sum()) == IMAGE_TOKENS == 16
    assert inputs["mm_token_type_ids"].sum() == IMAGE_TOKENS


@pytest.mark.parametrize(("size", "grid"), [((640, 480), [1, 6, 8]), ((30, 20), [1, 4, 6]), ((112, 112), [1, 8, 8])])
def test_images_are_resized_to_between_the_given_pixels(
    processor: ImageProcessor, size: tuple[int, int], grid: list[int]
) -> None:
    inputs = prompt_inputs(processor, [Image.new("RGB", size, "red")], ["How many?"])
    assert inputs["image_grid_thw"].tolist() == [grid]
    assert 3136 <= 14 * 14 * grid[1] * grid[2] <= 12544


def test_padding_is_on_the_left(processor: ImageProcessor, images: list[Image.Image]) -> None:
    inputs = prompt_inputs(processor, images[:2], ["How many?", "Where is the red ball with respect to the cone?"])
    short, long = inputs["attention_mask"].tolist()
    assert long == [1] * len(long)
    assert short == sorted(short)
    assert 0 < sum(short) < len(short)
    assert inputs["input_ids"][0, 0] == processor.tokenizer.pad_token_id


@pytest.mark.parametrize("style", STYLES)
def test_the_processor_writes_prompts_as_the_template_does(tiny_model: Path, style: str) -> None:
    processor = load_processor(tiny_model, style, **SIZES)
    text = "How many cubes are in the image? Select from the following choices.\n(A) 0\n(B) 1"
    written = processor.apply_chat_template([user_message(text)], tokenize=False, add_generation_prompt=True)
    assert written == render(style, text)


@pytest.mark.parametrize("style", STYLES)
def test_a_prompt_survives_the_tokenizer(tiny_model: Path, style: str) -> None:
    tokenizer = load_processor(tiny_model, style, **SIZES).tokenizer
    prompt = render(style, "Größer? 12 ¾ … “ja”\n(A) 漢字\t(B) 🙂")
    assert tokenizer.decode(tokenizer.encode(prompt)) == prompt


FULL_TRUNCATION = {"direction": "Right", "max_length": 20, "strategy": "LongestFirst", "stride": 0}
FULL_PADDING = {
    "strategy": {"Fixed": 90},
    "direction": "Right",
    "pad_to_multiple_of": None,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "<|endoftext|>",
}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tokenizer.json", {"truncation": FULL_TRUNCATION}),
        ("tokenizer.json", {"padding": FULL_PADDING}),
        ("tokenizer_config.json", {"max_length": 20}),
        ("tokenizer_config.json", {"max_length": 20, "truncation": True}),
        ("tokenizer_config.json", {"model_max_length": 20, "truncation": True}),
        ("tokenizer_config.json", {"padding": "max_length", "max_length": 90}),
        ("tokenizer_config.json", {"pad_to_multiple_of": 64}),
    ],
    ids=str,
)
def test_no_prompt_is_cut_or_filled_whatever_the_tokenizer_asks_for(
    checkpoint: Path, processor: ImageProcessor, images: list[Image.Image], name: str, changes: dict[str, Any]
) -> None:
    file = checkpoint / name
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    ours = load_processor(checkpoint, "r1_zero", **SIZES)
    message = [user_message("How many cubes are in the image?", images[0])]
    ways = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
    whole, kept = (each.apply_chat_template(message, **ways)["input_ids"] for each in (processor, ours))  # as TRL asks
    assert torch.equal(whole, kept)
    assert ours.tokenizer.encode("How many? " * 50) == processor.tokenizer.encode("How many? " * 50)
    ours.tokenizer.save_pretrained(checkpoint)  # nor by what is saved
    again = load_processor(checkpoint, "r1_zero", **SIZES).tokenizer
    assert not {"max_length", "truncation", "padding", "pad_to_multiple_of"} & again.init_kwargs.keys()


def test_a_tokenizer_is_saved_as_it_was_loaded_whatever_it_has_filled_up(
    processor: ImageProcessor, tmp_path: Path
) -> None:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    save_processor(processor, tmp_path / "before")
    processor.tokenizer(["one", "one of two"], padding=True, truncation=True, max_length=2)
    save_processor(processor, tmp_path / "after")
    before, after = ((tmp_path / name / "tokenizer.json").read_bytes() for name in ("before", "after"))
    assert before == after


def test_a_text_with_more_images_than_there_are_is_an_error(
    processor: ImageProcessor, images: list[Image.Image]
) -> None:
    with pytest.raises(ValueError, match=r"a text has more <\|image_pad\|> than there are images"):
        prompt_inputs(processor, images[:1], ["Where is the <|image_pad|>?"])


# Adapters


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (["q_proj", "v_prj"], r"no layer is called 'v_prj': did you mean 'v_proj'\? \(linear layers: .*qkv.*\)"),
        (["all-linear"], r"no layer is called 'all-linear': .*linear layers: "),
        (["input_layernorm"], r"'input_layernorm' is .*\.input_layernorm, a Qwen2VLRMSNorm and no linear layer: ch"),
        (["embed_tokens"], r"'embed_tokens' is .*embed_tokens, a Embedding and no linear layer"),
        (["lm_head"], r"'lm_head' is lm_head, which has the same weights as .*embed_tokens: merging an adapter would"),
    ],
)
def test_a_layer_that_can_not_have_an_adapter_is_told(tiny_model: Path, targets: list[str], told: str) -> None:
    with pytest.raises(UserError, match=rf"^base-sft: sft\.lora\.targets: {told}"):
        check_targets(load_model(tiny_model, "float32"), targets, "base-sft: sft.lora.targets")


def test_a_frozen_part_gets_no_adapter(tiny_model: Path) -> None:
    model = load_model(tiny_model, "float32")
    freeze(model, ["language"])
    check_targets(model, ["qkv", "fc1"], "key")
    with pytest.raises(UserError, match=r"'q_proj' is .*, in a part of the model that the arm's freeze keeps as it is"):
        check_targets(model, ["q_proj"], "key")


def test_a_head_of_its_own_can_have_an_adapter(tiny_model: Path) -> None:
    model = load_model(tiny_model, "float32")
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.clone())
    check_targets(model, ["lm_head", "q_proj", "up_proj"], "key")


# Loading


def test_a_model_that_is_loaded_and_saved_again_is_the_same(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(tiny_model, "float32")
    assert not model.training
    model.save_pretrained(tmp_path)
    once, twice = (load_file(folder / "model.safetensors") for folder in (tiny_model, tmp_path))
    assert once.keys() == twice.keys()
    assert all(torch.equal(once[name], twice[name]) for name in once)


@pytest.mark.parametrize(("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_weights_are_loaded_in_the_precision_asked_for(tiny_model: Path, name: str, dtype: torch.dtype) -> None:
    assert {p.dtype for p in load_model(tiny_model, name).parameters()} == {dtype}


@pytest.mark.parametrize("way", ["arguments", "config"])
def test_sampling_is_not_greedy_whatever_the_checkpoint_says(
    checkpoint: Path, processor: ImageProcessor, images: list[Image.Image], way: str
) -> None:
    file = checkpoint / "generation_config.json"
    theirs = {"do_sample": True, "temperature": 0.1, "top_k": 1, "top_p": 0.001, "transformers_version": "4.50.0"}
    file.write_text(json.dumps(json.loads(file.read_text()) | theirs))
    model = load_model(checkpoint, "float32")
    ours = {"do_sample": True, "max_new_tokens": 4, "num_return_sequences": 8}
    asked: dict[str, Any] = ours
    if way == "config":  # as TRL asks
        asked = {"generation_config": GenerationConfig(**ours)}
    torch.manual_seed(0)
    output = model.generate(**prompt_inputs(processor, images[:1], ["How many?"]), **asked)
    assert len({tuple(row[-4:]) for row in output.tolist()}) == 8


def test_where_a_response_ends_is_kept(tiny_model: Path) -> None:
    theirs = json.loads((tiny_model / "generation_config.json").read_text())
    ours = load_model(tiny_model, "float32").generation_config
    assert ours.eos_token_id == theirs["eos_token_id"]
    assert len(ours.eos_token_id) == 2
    assert ours.pad_token_id == theirs["pad_token_id"]


def test_pickled_weights_are_refused(checkpoint: Path) -> None:
    torch.save(load_model(checkpoint, "float32").state_dict(), checkpoint / "pytorch_model.bin")
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no readable checkpoint") as caught:
        load_model(checkpoint, "float32")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("left", [0, 100, 100_000])
def test_truncated_weights_are_told(checkpoint: Path, left: int) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:left])
    with pytest.raises(UserError, match="no readable checkpoint") as caught:
        load_model(checkpoint, "float32")
    assert "\n" not in str(caught.value)


def test_weights_that_the_checkpoint_lacks_are_not_made_up(checkpoint: Path) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    del weights["model.layers.2.input_layernorm.weight"]
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"a checkpoint without '.*layers\.2\.input_layernorm\.weight'"):
        load_model(checkpoint, "float32")


def test_a_folder_without_a_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no readable checkpoint"):
        load_model(tmp_path, "float32")


# Freezing


def changed_by_a_step(tiny_model: Path, inputs: Any, parts: list[str]) -> tuple[set[str], set[str]]:
    """Names of the tensors that a training step changes, and of all."""
    model = load_model(tiny_model, "float32")
    freeze(model, parts)
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    model.train()
    model(**inputs, labels=inputs["input_ids"]).loss.backward()
    optimizer.step()
    after = dict(model.named_parameters())
    return {name for name in before if not torch.equal(before[name], after[name])}, set(before)


@pytest.mark.parametrize("parts", [[], ["vision"], ["language"]], ids=str)
def test_a_step_changes_every_tensor_but_the_frozen_ones(
    tiny_model: Path, processor: ImageProcessor, images: list[Image.Image], parts: list[str]
) -> None:
    changed, names = changed_by_a_step(tiny_model, prompt_inputs(processor, images[:1], ["How many?"]), parts)
    vision = {name for name in names if name.startswith("model.visual.")}
    language = {name for name in names if name.startswith("model.language_model.")}
    assert vision | language == names  # the head is tied to the embeddings
    assert len(vision) > 30
    assert len(language) > 30
    assert changed == names - (vision if "vision" in parts else set()) - (language if "language" in parts else set())


def test_an_unknown_part_can_not_be_frozen(tiny_model: Path) -> None:
    with pytest.raises(UserError, match="unknown part 'eyes': choose from vision, language"):
        freeze(load_model(tiny_model, "float32"), ["eyes"])


# Fetching


def described(checkpoint: Path) -> Path:
    """The checkpoint with a manifest of its own."""
    from visualzero.manifest import write_manifest

    write_manifest(checkpoint / "manifest.json", sorted(checkpoint.iterdir()), "f" * 16)
    return checkpoint


def fetch(folder: Path, out: Path) -> None:
    fetch_model(ModelSource(path=str(folder), min_pixels=3136, max_pixels=12544), out, "0" * 16, "models.base")


def test_a_fetched_model_is_whole_and_says_where_it_comes_from(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "base" / "model"
    (checkpoint / "pytorch_model.bin").write_bytes(b"pickle")
    fetch(described(checkpoint), out)
    verify(out.parent / "manifest.json")
    assert {file.name for file in out.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    manifest = read_manifest(out.parent / "manifest.json")
    assert (manifest["fingerprint"], manifest["origin"]) == ("0" * 16, "f" * 16)
    assert manifest["source"]["path"] == str(checkpoint)
    assert set(manifest["files"]) == {f"model/{file.name}" for file in out.iterdir()}


def test_a_model_fetched_again_keeps_nothing_of_the_old_one(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "base" / "model"
    out.mkdir(parents=True)
    (out / "model-00002-of-00002.safetensors").write_bytes(b"old")
    fetch(checkpoint, out)
    assert not (out / "model-00002-of-00002.safetensors").exists()


def test_an_altered_model_is_not_fetched(checkpoint: Path, tmp_path: Path) -> None:
    described(checkpoint)
    with (checkpoint / "config.json").open("a") as file:
        file.write("\n")
    with pytest.raises(UserError, match=r"config\.json: altered"):
        fetch(checkpoint, tmp_path / "base" / "model")
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_that_is_no_checkpoint_is_not_fetched(checkpoint: Path, tmp_path: Path, missing: str) -> None:
    (checkpoint / missing).unlink()
    with pytest.raises(UserError, match=r"no checkpoint .*: correct models\.\*\.path"):
        fetch(checkpoint, tmp_path / "base" / "model")


@pytest.mark.parametrize("kind", ["llava", None])
def test_a_model_of_another_kind_is_not_fetched(checkpoint: Path, tmp_path: Path, kind: str | None) -> None:
    config = checkpoint / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": kind}))
    with pytest.raises(
        UserError,
        match=rf"^models\.base: .*: a model of type '{kind}': choose one of type {', '.join(sorted(FAMILIES))}$",
    ):
        fetch(checkpoint, tmp_path / "base" / "model")


# Fetching from the hub


def published(hub: Hub, folder: Path) -> ModelSource:
    """The folder as a repository of the hub, beside files that nobody needs."""
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    files |= {"pytorch_model.bin": b"pickle", "modeling.py": b"import os", "consolidated.safetensors": b"twice"}
    commit = hub.add("Qwen/Qwen2-VL-2B", files, kind="model")
    return ModelSource(repo="Qwen/Qwen2-VL-2B", revision=commit, min_pixels=3136, max_pixels=12544)


def same_weights(folder: Path, other: Path) -> bool:
    once, twice = (load_model(path, "float32").state_dict() for path in (folder, other))
    return once.keys() == twice.keys() and all(torch.equal(once[name], twice[name]) for name in once)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_model_of_the_hub_comes_in_one_file_or_several(
    hub: Hub, tiny_model: Path, checkpoint: Path, tmp_path: Path, shards: int
) -> None:
    if shards > 1:
        (checkpoint / "model.safetensors").unlink()
        load_model(tiny_model, "float32").save_pretrained(checkpoint, max_shard_size="4MB")
    out = tmp_path / "base" / "model"
    fetch_model(published(hub, checkpoint), out, "0" * 16, "models.base")
    assert len(list(out.glob("*.safetensors"))) == shards
    assert {file.name for file in out.iterdir()} == {file.name for file in checkpoint.iterdir()}
    assert same_weights(out, tiny_model)
    verify(out.parent / "manifest.json")
    manifest = read_manifest(out.parent / "manifest.json")
    assert manifest["source"]["repo"] == "Qwen/Qwen2-VL-2B"
    assert set(manifest["downloads"]) == {file.name for file in out.iterdir()}
    assert {name for _, name, _ in hub.asked} == set(manifest["downloads"])


def test_a_missing_shard_is_named(hub: Hub, tiny_model: Path, checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    load_model(tiny_model, "float32").save_pretrained(checkpoint, max_shard_size="4MB")
    (checkpoint / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(UserError, match=r"Qwen2-VL-2B has no file 'model-00002-of-00003\.safetensors' at "):
        fetch_model(published(hub, checkpoint), tmp_path / "base" / "model", "0" * 16, "models.base")
    assert not (tmp_path / "base").exists()


def test_a_repository_of_pickled_weights_is_refused(hub: Hub, checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"Qwen2-VL-2B has no file 'model\.safetensors' at "):
        fetch_model(published(hub, checkpoint), tmp_path / "base" / "model", "0" * 16, "models.base")


def test_altered_weights_are_refused(hub: Hub, checkpoint: Path, tmp_path: Path) -> None:
    hub.altered.add("model.safetensors")
    with pytest.raises(UserError, match=r"^models\.base: .*/model\.safetensors: arrived altered, and was removed"):
        fetch_model(published(hub, checkpoint), tmp_path / "base" / "model", "0" * 16, "models.base")
    assert not (tmp_path / "base").exists()


def test_a_model_of_another_kind_is_refused_before_its_weights_come(hub: Hub, checkpoint: Path, tmp_path: Path) -> None:
    config = checkpoint / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "llava"}))
    with pytest.raises(UserError, match="a model of type 'llava'"):
        fetch_model(published(hub, checkpoint), tmp_path / "base" / "model", "0" * 16, "models.base")
    assert hub.downloads("model.safetensors") == []


def test_a_model_without_a_commit_is_refused_with_the_key(tmp_path: Path) -> None:
    source = ModelSource(repo="Qwen/Qwen2-VL-2B", min_pixels=3136, max_pixels=12544)
    with pytest.raises(UserError, match=r"^models\.base\.revision: not pinned, .*/Qwen/Qwen2-VL-2B/commits/main$"):
        fetch_model(source, tmp_path / "base" / "model", "0" * 16, "models.base")
