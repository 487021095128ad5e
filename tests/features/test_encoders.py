"""Encoders by name: what they want of a picture, weights of files, and one line where something is missing."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.features.encoders import hub, known
from kgprism.platform.features.encoders import weights as files
from kgprism.platform.features.encoders.encoder import ImageEncoder, TextEncoder
from kgprism.platform.features.preparation import Preparation


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(3, 2), nn.Linear(2, 5)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(pixels.mean((2, 3)))
        return found


def test_a_stretched_picture_shows_all_of_it_and_a_cut_one_its_centre() -> None:
    picture = Image.new("RGB", (40, 10), "black")
    picture.paste((255, 255, 255), (15, 0, 25, 10))  # white in the middle
    cut = Preparation(size=8, shorter=8, interpolation="nearest").pixels(picture)
    whole = Preparation(size=8, interpolation="nearest").pixels(picture)
    assert cut.shape == whole.shape == (8, 8, 3)
    assert (cut == 255).all()
    assert whole[:, :, 0].mean() == 255 / 4
    inner = Preparation(size=4, shorter=8, interpolation="nearest").pixels(picture)
    assert (inner == 255).all()


def test_an_endless_picture_is_cut_before_it_is_resized() -> None:
    assert Preparation(size=224, shorter=256).pixels(Image.new("RGB", (60_000, 1))).shape == (224, 224, 3)


def test_pixels_reach_the_module_as_they_are_said_to() -> None:
    seen: list[torch.Tensor] = []

    class Seeing(nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            seen.append(pixels)
            return pixels.mean((2, 3))

    preparation = Preparation(size=2, mean=(127.0,) * 3, std=(128.0,) * 3)
    items = np.full((2, 2, 2, 3), 255, np.uint8)
    items[:, :, :, 2] = 127
    encoder = ImageEncoder("seeing", "none", Seeing(), preparation)
    assert encoder.encode(items).tolist() == [[1, 1, 0]] * 2
    assert [tuple(pixels.shape) for pixels in seen] == [(1, 3, 2, 2)] * 2  # one by one on a processor
    assert str(preparation) == "on white, bicubic to 2 x 2, (x - 127) / 128"


def test_texts_come_back_in_their_order() -> None:
    class Length(nn.Module):
        def forward(self, texts: list[str]) -> torch.Tensor:
            assert [len(text) for text in texts] == sorted(len(text) for text in texts)
            return torch.tensor([[float(len(text))] for text in texts])

    texts = ["x" * (n * 7 % 50) for n in range(100)]
    found = TextEncoder("length", "none", Length()).encode(texts)
    assert found[:, 0].tolist() == [len(text) for text in texts]


def test_a_vector_that_is_not_finite_is_told() -> None:
    net = Net()
    nn.init.constant_(net.body.weight, float("nan"))
    with pytest.raises(Exception, match="encoder net: a vector is not finite"):
        ImageEncoder("net", "none", net, Preparation(size=2)).encode(np.zeros((1, 2, 2, 3), np.uint8))


def test_the_digest_of_weights_is_that_of_their_numbers() -> None:
    torch.manual_seed(0)
    one, other = Net(), Net()
    digests = [ImageEncoder("net", "none", net, Preparation()).weights for net in (one, other)]
    other.load_state_dict(one.state_dict())
    digests.append(ImageEncoder("other", "none", other, Preparation()).weights)
    assert digests[0] == digests[2] != digests[1]
    assert len(digests[0]) == 64


@pytest.mark.parametrize("kind", ["safetensors", "pt", "nested.pt"])
def test_weights_come_from_a_file_with_or_without_the_last_layer(kind: str, tmp_path: Path) -> None:
    trained, net, file = Net(), Net(), tmp_path / f"net.{kind}"
    state = {key: value for key, value in trained.state_dict().items() if not (kind == "pt" and "head" in key)}
    if kind == "safetensors":
        save_file(state, file)
    else:
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}} if "nested" in kind else state, file)
    files.fill(net, file, "net", spare="head")
    assert torch.equal(net.body.weight, trained.body.weight)


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("run",))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"body.weight": torch.zeros(2, 3)}, "it lacks body.bias"),
        ({"body.weight": torch.zeros(2, 4), "body.bias": torch.zeros(2)}, "size mismatch for body.weight"),
        ({**Net().state_dict(), "tail.bias": torch.zeros(1)}, "it has tail.bias"),
        ([1, 2], "expected weights by name, found list"),
        (Evil(), "without code in it"),
    ],
)
def test_other_weights_are_refused(content: Any, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(ConfigurationError, match=told) as error:
        files.fill(Net(), tmp_path / "net.pt", "net", spare="head")
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("kind", "word", "told"),
    [
        ("image", "resnet51", r"unknown encoder 'resnet51' \(did you mean 'resnet50'\?\)"),
        ("image", "tim:vit", r"unknown library 'tim' \(did you mean 'timm'\?\)"),
        ("text", "brt", r"unknown encoder 'brt' \(did you mean 'bert'\?\)"),
    ],
)
def test_an_unknown_word_names_the_nearest(kind: known.Kind, word: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        known.encoder(kind, word)


@pytest.mark.parametrize("word", ["resnet152", "vit", "open_clip", "clip", "bert", "all-mpnet-base-v2"])
def test_a_library_that_is_not_here_is_told_with_its_extra(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("torchvision", "timm", "open_clip", "transformers", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, library, None)
    kind: known.Kind = "text" if word in ("bert", "all-mpnet-base-v2") else "image"
    extra = {"text": "text", "image": "images" if word == "clip" else "vision"}[kind]
    with pytest.raises(ConfigurationError, match=rf'is not here: pip install "kgprism\[{extra}\]"$'):
        known.encoder(kind, word)


def test_weights_that_cannot_be_had_are_told_with_where_they_were_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*given: Any, **options: Any) -> None:
        raise OSError("We couldn't connect\nand so on")

    library = SimpleNamespace(AutoModel=SimpleNamespace(from_pretrained=absent))
    constants = SimpleNamespace(HF_HUB_OFFLINE=False, ENDPOINT="https://hub.invalid", HF_HUB_CACHE="/cache/hub")
    monkeypatch.setitem(sys.modules, "transformers", library)
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(constants=constants))
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", constants)
    monkeypatch.setattr(hub, "_reached", lambda endpoint: False)
    told = (
        r"^encoder clip: no weights: looked for in /cache/hub and at https://hub\.invalid \(We couldn't connect\); --"
    )
    with pytest.raises(ConfigurationError, match=told):
        known.encoder("image", "clip")
    assert not constants.HF_HUB_OFFLINE


def test_a_hub_out_of_reach_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = SimpleNamespace(HF_HUB_OFFLINE=False, ENDPOINT="http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(constants=constants))
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", constants)
    for word in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(word, raising=False)
    with hub.quick():
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE


@pytest.mark.slow
def test_vision_models_of_transformers_from_a_folder(tmp_path: Path) -> None:
    if not find_spec("transformers"):
        pytest.skip("no transformers")
    from transformers import BeitConfig, BeitModel, CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model

    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    small |= {"image_size": 32, "patch_size": 16}
    clip = CLIPConfig(vision_config=small, text_config={**small, "vocab_size": 50}, projection_dim=6)
    made = {"beit": BeitModel(BeitConfig(**small)), "dinov2": Dinov2Model(Dinov2Config(**small, mlp_ratio=1))}
    for name, model in {**made, "clip": CLIPModel(clip)}.items():
        folder = tmp_path / name
        model.save_pretrained(folder)
        asked = '{"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": true, '
        asked += '"resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}'
        (folder / "preprocessor_config.json").write_text(asked)
        if name == "clip":
            write_tokenizer(folder)
        encoder = known.encoder("image", name, folder)
        assert encoder.prepared == "on white, bicubic to 40 at the shorter side, centre 32 x 32, (x - 127.5) / 127.5"
        assert isinstance(encoder, ImageEncoder)
        assert encoder.encode(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 6 if name == "clip" else 16)
        assert encoder.reads_names == (name == "clip")
        if name == "clip":
            assert encoder.names().encode(["a", "b a"]).shape == (2, 6)


def write_tokenizer(folder: Path) -> None:
    """Write CLIP's tokenizer with an alphabet only."""
    from transformers import CLIPTokenizer

    letters = [*"abcdefghij", *(f"{letter}</w>" for letter in "abcdefghij"), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(str({word: n for n, word in enumerate(letters)}).replace("'", '"'))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)


@pytest.mark.slow
@pytest.mark.parametrize(("word", "width"), [("torchvision:resnet18", 512), ("timm:resnet18", 512)])
def test_classifiers_lose_their_last_layer(word: str, width: int, tmp_path: Path) -> None:
    library, _, model = word.partition(":")
    try:
        package = files.library(library, "vision")
    except ConfigurationError as error:
        pytest.skip(str(error))
    net = package.models.resnet18() if library == "torchvision" else package.create_model(model)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    encoder = known.encoder("image", word, tmp_path / "net.safetensors")
    assert isinstance(encoder, ImageEncoder)
    assert encoder.encode(np.zeros((1, 224, 224, 3), np.uint8)).shape == (1, width)
    with pytest.raises(ConfigurationError, match="not those of"):
        known.encoder("image", word.replace("18", "50"), tmp_path / "net.safetensors")


def test_pixels_are_those_of_the_small_picture_by_channel() -> None:
    encoder = known.encoder("image", "pixels")
    picture = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(1, 16, 16, 3)
    wanted = (picture[0].astype(np.float32) - 127) / 128
    np.testing.assert_array_equal(encoder.encode(picture)[0], wanted.transpose(2, 0, 1).ravel())
