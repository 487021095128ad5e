"""Blocks that bear one noun: ``class LowRank(Module)`` with its settings, ``LowRank.Config``, inside."""

from typing import Any, ClassVar

from torch import nn

from kgprism.platform.part import Part


class Module(nn.Module):
    """A block that its settings build. Its constructor takes the settings first, then shapes of the data.

    What fits into one slot derives from one contract, whose ``Config`` says once how all of them are built::

        class Fusion(Module):
            class Config(Part):
                def build(self, modalities: Sequence[str], width: int) -> "Fusion":
                    return self.made(modalities, width)

        class Concat(Fusion):
            class Config(Fusion.Config):
                kind: Literal["concat"] = "concat"

            def __init__(self, settings: Config, modalities: Sequence[str], width: int) -> None: ...
    """

    Config: ClassVar[type[Part]]

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "Config" in vars(cls):
            cls.Config.module = cls

    def __init__(self, settings: Part | None = None, *shapes: Any) -> None:
        """Hold nothing of them: enough for a block without weights."""
        super().__init__()
