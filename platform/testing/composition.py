"""What a method is made of: it says where it comes from, every part can be replaced, every composition learns.

Assertions say in words what is wrong: pytest explains those of test files only.
"""

import sys
from dataclasses import replace

import torch
from torch import Tensor

from kgprism.platform import configuration
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.data.inputs.training_graph import TrainingGraph
from kgprism.platform.method import Alignment, Completion, Method, load
from kgprism.platform.part import kind, slots
from kgprism.platform.testing.asked import Contract
from kgprism.platform.testing.variants import SEED, Variant


class CompositionContract(Contract):
    """A method says where it comes from, is made of replaceable parts, and learns in every composition."""

    def test_it_says_where_it_comes_from_and_where_paper_and_code_part(self, method: str) -> None:
        found = load(method)
        told = (sys.modules[found.__module__].__doc__ or "").splitlines()
        assert len(told) > 1, f"the docstring of {found.__module__} needs two lines or more"
        assert found.departures, f"{found.__name__}.departures is empty"
        lines = [line for line in found.departures if line.strip() != line or "\n" in line]
        assert not lines, f"{found.__name__}.departures: one line each, without blanks around: {lines}"
        missing = {"code", "paper"} - set(found.presets)
        assert not missing, f"{found.__name__}.presets lacks {', '.join(sorted(missing))}"
        for preset, overrides in found.presets.items():
            configuration.resolve(found.Config, overrides, source=f"preset {preset}")

    def test_every_slot_has_a_null_part_and_distinct_words(self, method: str) -> None:
        for slot, parts in slots(load(method).Config).items():
            words = [kind(part) for part in parts]
            assert len(set(words)) == len(words) > 1, f"slot {slot}: two words or more, all different: {words}"
            assert any(part.null for part in parts), f"slot {slot} has no null part (derive one from Nothing): {words}"

    def test_a_toggle_is_never_a_boolean(self, method: str) -> None:
        flat = configuration.flatten(load(method).Config(), stateless=False)
        found = [key for key, value in flat.items() if isinstance(value, bool)]
        assert not found, f"booleans: {', '.join(found)}; make each a slot with a null part, or a number"

    def test_every_variant_learns(self, variant: Variant) -> None:
        method = variant.build()
        method.start_epoch(0)
        total = torch.zeros(())
        for phase in method.phases:
            losses = method(variant.batch(), phase)
            assert losses, f"no loss in phase {phase}"
            wrong = [name for name, loss in losses.items() if not loss.isfinite().all() or loss.ndim]
            assert not wrong, f"losses of phase {phase} that are no finite number: {', '.join(wrong)}"
            step = torch.stack(list(losses.values())).sum()
            step.backward()
            total = total + step.detach()
        lone = len(method.config.modalities) == 1  # its weight among the modalities is always one
        for key, parameter in method.named_parameters():
            if not parameter.requires_grad:
                continue
            assert parameter.grad is not None, f"{key} has no gradient"
            assert parameter.grad.isfinite().all(), f"{key} has a gradient that is not finite"
            # Only a loss that is switched off may leave a parameter where it is.
            assert parameter.grad.any() or total == 0 or lone, f"{key} cannot learn"

    def test_relabelling_entities_permutes_what_is_judged(self, variant: Variant) -> None:
        variant = variant.but(**self.still.get(variant.method, {}))
        method = variant.build().eval()
        moved, old = relabelled(variant.graph)
        other = variant.build(moved).eval()
        parameters = dict(method.named_parameters())
        rows = {key: value[old] if value.shape[:1] == old.shape else value for key, value in parameters.items()}
        other.load_state_dict(rows, strict=False)
        with torch.no_grad():
            torch.testing.assert_close(judged(other, old), judged(method)[old], rtol=1e-3, atol=1e-4)


def relabelled(graph: JointGraph | TrainingGraph) -> tuple[JointGraph | TrainingGraph, Tensor]:
    """Return the graph under other entity numbers, and the old number of every new one."""
    draw = torch.Generator().manual_seed(SEED)
    sides = (graph.left, graph.right) if isinstance(graph, JointGraph) else (graph.entities,)
    starts = (0, sides[0])
    new = torch.cat([start + torch.randperm(size, generator=draw) for start, size in zip(starts, sides, strict=False)])
    old, triples = new.argsort(), graph.triples.clone()
    triples[:, [0, 2]] = new[triples[:, [0, 2]]]
    features = {key: rows[old] for key, rows in graph.features.items()}
    present = {key: rows[old] for key, rows in graph.present.items()}
    return replace(graph, triples=triples, features=features, present=present), old


def judged(method: Method, old: Tensor | None = None) -> Tensor:
    """Return embeddings, or the scores of some tails; of a relabelled method those of the same entities."""
    if isinstance(method, Alignment):
        return method.embed()
    if not isinstance(method, Completion):
        raise TypeError(f"{type(method).__name__} derives from neither Alignment nor Completion")
    known = torch.arange(5) if old is None else old.argsort()[:5]
    return method.answer()(known, torch.arange(5), "tail").T
