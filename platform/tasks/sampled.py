"""Training on parts of graphs that do not fit: each slice of pairs is encoded with what is drawn around it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from kgprism.platform.batch import Batch
from kgprism.platform.data.inputs.sampled_graph import Neighbourhoods, restrict
from kgprism.platform.errors import ConfigurationError
from kgprism.platform.method import Alignment
from kgprism.platform.seeding import derive
from kgprism.platform.settings import Neighbours


class Sampled(Alignment):
    """A method whose steps see a part of the graphs. It holds no weights of its own.

    For every slice, the method is built anew on the part, and called with the weights of the whole: tables of entities
    give the rows that are needed, all others are taken as they are. So a method needs to know nothing of it. Noise that
    a method keeps for an epoch is drawn for the part; so are its moments. Where tables are stepped lazily, their
    gradients are sparse: nothing of a step has the whole's size (`training/optimiser.py`).
    """

    def __init__(self, method: Alignment, settings: Neighbours) -> None:
        super().__init__(method.config, method.graph, method.seed)
        self.method, self.settings = method, settings
        self.neighbourhoods = Neighbourhoods(method.graph)
        self.epoch = 0
        self.lazy = self._lazy() if settings.table_steps == "lazy" else frozenset()

    def _lazy(self) -> frozenset[str]:
        """Return the weights that are tables of entities, and let PyTorch know that their gradients are sparse.

        Raises:
            ConfigurationError: if there is none.
        """
        named = self.method.named_modules(remove_duplicate=False)
        tables = {name: module for name, module in named if isinstance(module, nn.Embedding)}
        found = {name: table for name, table in tables.items() if table.num_embeddings == self.method.graph.entities}
        if not found:
            kind = type(self.method).__name__
            raise ConfigurationError(f"train.sampling.table_steps=lazy: {kind} learns no table of entities here")
        for table in found.values():
            table.sparse = True
        return frozenset(f"{name}.weight" for name in found)

    def start_epoch(self, epoch: int) -> None:
        """Tell the method, and those that will be built in this epoch."""
        self.epoch = epoch
        self.method.start_epoch(epoch)

    def slices(self, batch: Batch) -> Iterator[dict[str, Tensor]]:
        """Yield the loss terms of each slice, each from its own part of the graphs.

        Raises:
            ConfigurationError: if a weight of the method is neither the same for a part nor has a row for each entity.
        """
        for number, pairs in enumerate(batch.slices):
            device, seed = pairs.left.device, derive(batch.seed, "neighbours", number)
            around = self.settings.fan_out, self.settings.hops, torch.Generator().manual_seed(seed)
            entities, rows = self.neighbourhoods.sample(torch.cat([pairs.left, pairs.right]).cpu(), *around)
            small = self._built(entities, rows).to(device)
            place = torch.searchsorted(entities.to(device), torch.stack([pairs.left, pairs.right]))
            inside = Batch((replace(pairs, left=place[0], right=place[1]),), seed)
            yield functional_call(small, self._weights(small, entities.to(device)), (inside,))

    def _built(self, entities: Tensor, rows: Tensor) -> Alignment:
        """Return the method on a part of the graphs, with weights that are still its own."""
        graph = restrict(self.method.graph, entities, rows)
        with Unfilled(len(entities)):
            small = type(self.method)(self.method.config, graph, self.method.seed)
        small.start_epoch(self.epoch)
        return small.train(self.method.training)

    def _weights(self, small: Alignment, entities: Tensor) -> dict[str, Tensor]:
        """Return what the part's method is called with, by name: the whole's tensors, or rows of them."""
        found: dict[str, Tensor] = {}
        cut = {name: tensor.shape for name, tensor in small.state_dict().items()}
        for name, full in self.method.state_dict(keep_vars=True).items():
            if full.shape == cut.get(name):
                found[name] = full
            elif name in cut and full.shape == (self.method.graph.entities, *cut[name][1:]):
                found[name] = F.embedding(entities, full, sparse=True) if name in self.lazy else full[entities]
            else:
                kind = type(self.method).__name__
                raise ConfigurationError(f"train.sampling: {kind} cannot be cut: {name} has no row for each entity")
        return found


class Unfilled(TorchFunctionMode):
    """A block in which weights with a row for each of so many entities are made, but not drawn: nobody reads them."""

    def __init__(self, entities: int) -> None:
        super().__init__()
        self.entities = entities

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if function.__name__ in ("normal_", "uniform_"):
            weight = args[0] if args else given["tensor"]
            if isinstance(weight, nn.Parameter) and len(weight) == self.entities:
                return weight
        return function(*args, **given)
