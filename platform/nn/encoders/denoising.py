"""SimDiff's generator: noise vectors step by step, and bring each step back through a small latent space.

Unlike ordinary diffusion it has no ancestral sampling and starts from the entities themselves (alignment specification,
1.2). Modalities are named; one denoiser serves all of them, ``(modalities, entities, width)``.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from kgprism.platform.module import Module
from kgprism.platform.nn.encoders.denoiser import LNet, NoDenoiser
from kgprism.platform.nn.encoders.unet import AttentionUNet, UNet
from kgprism.platform.part import Part, Settings, Slot
from kgprism.platform.seeding import derive, within


class Draws:
    """Random tables of one moment: the same moment and names give the same table, whatever was drawn before."""

    def __init__(self, moment: int, device: torch.device) -> None:
        self.moment, self.device = moment, device

    def normal(self, shape: tuple[int, ...], *names: str | int) -> Tensor:
        """Return standard normal numbers."""
        return torch.randn(shape, generator=self._stream(*names), device=self.device)

    def uniform(self, shape: tuple[int, ...], bound: float, *names: str | int) -> Tensor:
        """Return numbers between ``-bound`` and ``bound``."""
        return (2 * torch.rand(shape, generator=self._stream(*names), device=self.device) - 1) * bound

    def of_step(self, step: int) -> "Draws":
        """Return the tables of one step; those of the first one are ours."""
        return Draws(derive(self.moment, "step", step), self.device) if step else self

    def _stream(self, *names: str | int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(derive(self.moment, *names))


class Workspace(Module):
    """Contract: affine maps of every modality into the latent space and out of it."""

    class Config(Part):
        def build(self, widths: Mapping[str, int], latent: int) -> "Workspace":
            return self.made(widths, latent)

    def enter(self, name: str, z: Float[Tensor, "entities width"], draws: Draws) -> Float[Tensor, "entities latent"]:
        """Return the latent vectors of a modality; `draws` are those of one step."""
        raise NotImplementedError(type(self).__name__)

    def leave(
        self, name: str, u: Float[Tensor, "entities latent"], width: int, draws: Draws
    ) -> Float[Tensor, "entities width"]:
        """Return a modality's vectors of latent ones; `draws` are those of one step."""
        raise NotImplementedError(type(self).__name__)


class Frozen(Workspace):
    """Random affine maps of each modality that nobody trains, others in each step and moment (released code).

    Weights and biases are as PyTorch starts a `Linear`, from the moment's draws.
    """

    class Config(Workspace.Config):
        kind: Literal["frozen"] = "frozen"
        null: ClassVar[bool] = True

    def __init__(self, settings: Config, widths: Mapping[str, int], latent: int) -> None:
        super().__init__()
        self.latent = latent

    def enter(self, name: str, z: Float[Tensor, "entities width"], draws: Draws) -> Float[Tensor, "entities latent"]:
        return F.linear(z, *self.map(name, "in", (self.latent, z.shape[1]), draws))

    def leave(
        self, name: str, u: Float[Tensor, "entities latent"], width: int, draws: Draws
    ) -> Float[Tensor, "entities width"]:
        return F.linear(u, *self.map(name, "out", (width, self.latent), draws))

    def map(self, name: str, way: str, shape: tuple[int, int], draws: Draws) -> tuple[Tensor, Tensor]:
        """Return weight ``(outputs, inputs)`` and bias ``(outputs,)`` of one way of a modality."""
        bound = shape[1] ** -0.5
        weight = draws.uniform(shape, bound, name, way, "weight")
        return weight, draws.uniform(shape[:1], bound, name, way, "bias")


class Learned(Workspace):
    """Trained affine maps; modalities of one width can share theirs, as the paper's W_s (Eq. 8)."""

    class Config(Workspace.Config):
        kind: Literal["learned"] = "learned"
        into: Literal["shared", "per_modality"] = "shared"
        out: Literal["shared", "per_modality"] = "shared"

    def __init__(self, settings: Config, widths: Mapping[str, int], latent: int) -> None:
        super().__init__()
        self.places = {
            way: {name: f"{width}_wide" if shared == "shared" else name for name, width in widths.items()}
            for way, shared in (("in", settings.into), ("out", settings.out))
        }
        self.into, self.out = nn.ModuleDict(), nn.ModuleDict()
        for name, width in widths.items():
            self._add(self.into, "in", name, (width, latent))
            self._add(self.out, "out", name, (latent, width))

    def _add(self, maps: nn.ModuleDict, way: str, name: str, shape: tuple[int, int]) -> None:
        place = self.places[way][name]
        if place not in maps:
            with within(way, place):
                maps[place] = nn.Linear(*shape)

    def enter(self, name: str, z: Tensor, draws: Draws) -> Tensor:
        return self.into[self.places["in"][name]](z)

    def leave(self, name: str, u: Tensor, width: int, draws: Draws) -> Tensor:
        return self.out[self.places["out"][name]](u)


class Generator(nn.Module):
    """``z <- Out(denoise(In(z + sigma e)))``, repeated."""

    class Config(Settings):
        """How many times a vector is noised and brought back, and through what."""

        steps: int = Field(1, ge=1, description="T; the release takes 1, the paper does not state it")
        noise: float = Field(0.1, ge=0, description="sigma_1: deviation of the first step's noise")
        decay: float = Field(0.9, gt=0, le=1, description="on the deviation after each step")
        latent: int = Field(64, ge=1, description="D: width of the workspace")
        workspace: Slot[Learned.Config | Frozen.Config] = Frozen.Config()
        denoiser: Slot[LNet.Config | UNet.Config | AttentionUNet.Config | NoDenoiser.Config] = LNet.Config()
        time: Literal["none", "learned"] = Field(
            "none", description="learned: a vector a step is added to the latent ones"
        )
        compared: Literal["last", "every_step"] = Field(
            "last", description="which steps are compared with the entities; every_step: their mean (the paper)"
        )

        def build(self, widths: Mapping[str, int]) -> "Generator":
            return Generator(self, widths)

    def __init__(self, settings: Config, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.settings = settings
        latent = settings.latent
        with within("workspace"):
            self.workspace = settings.workspace.build(widths, latent)
        with within("denoiser"):
            self.denoiser = settings.denoiser.build(latent)
        # Zero, so that the steps start as one function.
        self.clock = nn.Parameter(torch.zeros(settings.steps, latent)) if settings.time == "learned" else None

    def forward(self, modal: Mapping[str, Tensor], draws: Draws) -> list[dict[str, Tensor]]:
        """Return the steps to compare, the last one last, each with the vectors of `modal`, ``(entities, width)``."""
        steps: list[dict[str, Tensor]] = []
        z, sigma = dict(modal), self.settings.noise
        for step in range(self.settings.steps):
            # Computed once more in the backward pass: what is inside is many times what comes out.
            z = checkpoint(self._step, z, step, sigma, draws, use_reentrant=False, preserve_rng_state=False)
            steps = [*steps, z] if self.settings.compared == "every_step" else [z]
            sigma *= self.settings.decay
        return steps

    def _step(self, z: Mapping[str, Tensor], step: int, sigma: float, draws: Draws) -> dict[str, Tensor]:
        noised = {name: h + sigma * draws.normal(tuple(h.shape), "noise", step, name) for name, h in z.items()}
        drawn = draws.of_step(step)
        latent = torch.stack([self.workspace.enter(name, h, drawn) for name, h in noised.items()])
        latent = self.denoiser(latent if self.clock is None else latent + self.clock[step])
        found = zip(z.items(), latent, strict=True)
        return {name: self.workspace.leave(name, u, h.shape[1], drawn) for (name, h), u in found}


def errors(modal: Mapping[str, Tensor], steps: list[dict[str, Tensor]]) -> Float[Tensor, "entities 1"]:
    """Return each entity's squared difference: coordinates and steps averaged, modalities summed; both sides learn."""
    squares = [(z - modal[name]).square().mean(1, keepdim=True) for step in steps for name, z in step.items()]
    return torch.stack(squares).sum(0) / len(steps)
