"""The contract of an encoder: a torch module with what it wants of a picture, or one that takes texts."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kgprism.platform.errors import RunError
from kgprism.platform.features.preparation import Preparation
from kgprism.platform.seeding import one_thread

#: Texts that pass the module together.
_TOGETHER = 32


class Encoder(ABC):
    """A frozen module by the name under which it was asked for; ``library`` says what made it, with versions.

    `prepared` says what is done to an item before the module sees it.
    """

    prepared: str

    def __init__(self, name: str, library: str, module: nn.Module) -> None:
        self.name, self.library = name, f"{library}, torch {torch.__version__.partition('+')[0]}"
        self.module = module.eval().requires_grad_(False)

    @property
    def weights(self) -> str:
        """The SHA-256 of all weights by name, type, shape and bytes, whatever file they came from."""
        state = hashlib.sha256()
        for key, value in sorted(self.module.state_dict().items()):
            if isinstance(value, Tensor):
                state.update(f"{key} {value.dtype} {tuple(value.shape)};".encode())
                state.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return state.hexdigest()

    def to(self, device: str) -> "Encoder":
        """Move the module to a device."""
        self.module.to(device)
        self.device = device
        return self

    device = "cpu"

    @abstractmethod
    def encode(self, items: Any) -> np.ndarray:
        """Return vectors ``(items, width)`` float32 of what is encoded together; the same items, the same bytes."""

    def _called(self, *given: Any) -> Tensor:
        """Call the module as its users do: no gradients, one thread, since a sum hangs on how it is divided.

        Raises:
            RunError: if it returns anything but a finite vector an item.
        """
        with one_thread(), torch.inference_mode():
            found = self.module(*given)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(given[0]):
            told = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise RunError(f"encoder {self.name}: expected a vector for each of {len(given[0])} items, got {told}")
        if not torch.isfinite(found).all():
            raise RunError(f"encoder {self.name}: a vector is not finite")
        return found.float().cpu()


class ImageEncoder(Encoder):
    """Takes pictures; a module with a method ``encode_text(texts)`` also scores them against names."""

    def __init__(self, name: str, library: str, module: nn.Module, preparation: Preparation) -> None:
        super().__init__(name, library, module)
        self.preparation, self.prepared = preparation, str(preparation)

    @property
    def reads_names(self) -> bool:
        """Whether the module has vectors of texts in the same space."""
        return callable(getattr(self.module, "encode_text", None))

    def encode(self, items: np.ndarray) -> np.ndarray:
        """Encode uint8 ``(pictures, size, size, 3)``: one by one on a processor, where that is as fast as together.

        A sum of floats hangs on how many pictures are multiplied together. On a GPU those of a chunk are.
        """
        step = len(items) if self.device.startswith("cuda") else 1
        mean, std = (torch.tensor(three, device=self.device) for three in (self.preparation.mean, self.preparation.std))
        found = []
        for start in range(0, len(items), max(step, 1)):
            pixels = torch.from_numpy(items[start : start + step]).to(self.device).float()
            found.append(self._called(((pixels - mean) / std).permute(0, 3, 1, 2).contiguous()))
        return torch.cat(found).numpy()

    def names(self) -> "TextEncoder":
        """Return the encoder of texts in the same space."""
        return TextEncoder(f"{self.name} names", self.library, _Names(self.module)).to_same(self)


class TextEncoder(Encoder):
    """Takes texts: the module maps a list of them to vectors."""

    prepared = "as they are, spaces joined"

    def encode(self, items: Sequence[str]) -> np.ndarray:
        """Encode texts, those of like length together, as the shorter ones are filled up."""
        order = sorted(range(len(items)), key=lambda row: (len(items[row]), items[row]))
        parts = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
        values = torch.cat([self._called([items[row] for row in part]) for part in parts]).numpy()
        found = np.empty_like(values)
        found[order] = values
        return found

    def to_same(self, other: Encoder) -> "TextEncoder":
        """Say that the module lies where another encoder's does."""
        self.device = other.device
        return self


class _Names(nn.Module):
    """The text half of a module."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.whole = module

    def forward(self, texts: list[str]) -> Tensor:
        found: Tensor = self.whole.encode_text(texts)  # type: ignore[operator]
        return found
