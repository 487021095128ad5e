"""DHNS: Diffusion-based Hierarchical Negative Sampling for Multimodal Knowledge Graph Completion.

Niu and Zhang, DASFAA 2025. A diffusion model generates negatives of graded hardness for each modality of an entity, and
margins follow the hardness. Facts: completion specification, section 1. Departures: ``DHNS.departures``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from kgprism.platform.families.triple_model import Samplers, TripleModel
from kgprism.platform.nn.encoders.projections import Projections
from kgprism.platform.nn.fusion.modal_fusion import Attention, Concat, GlobalWeights, NoFusion
from kgprism.platform.nn.losses.triple_loss import Margin, NoLoss, Sigmoid, Softplus
from kgprism.platform.nn.negatives.diffusion.generated import Generated
from kgprism.platform.part import Slot
from kgprism.platform.settings import CompletionTraining, Modality


class Config(TripleModel.Config):
    """Defaults are the preset ``code``: RotatE, with AdaMF's numbers where DHNS released none (spec 1.6)."""

    modalities: frozenset[Modality] = frozenset({"image", "text"})
    features: Literal["trained", "frozen"] = Field("trained", description="trained: the raw features too")
    fusion: Slot[Attention.Config | GlobalWeights.Config | Concat.Config | NoFusion.Config] = Attention.Config()
    negatives: Slot[Samplers] = Generated.Config()
    loss: Slot[Sigmoid.Config | Margin.Config | Softplus.Config | NoLoss.Config] = Sigmoid.Config(temperature=2.0)
    train: CompletionTraining = CompletionTraining(epochs=1000, batch_size=1024, learning_rate=2e-5)


class DHNS(TripleModel[Config]):
    """AdaMF's entities and a generator of negatives; every row of its Table 5 is a slot, a word or a number."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {},
        "paper": {
            "negatives.condition": "paper",
            "negatives.diffusion.time": "fixed",
            "negatives.diffusion.norm": "after",
            "negatives.diffusion.loss": "mse",
            "negatives.diffusion.to_scorer": 0.0,
            "negatives.sampling.levels": "paper",
            "negatives.sampling.heads": "own",
            "negatives.loss.positive": "level",
            "negatives.loss.corruptions": ["head", "tail"],
            "negatives.loss.scores": "each",
        },
        "mkg_w": {"scoring.dim": 200},
        "mkg_y": {"scoring.dim": 200, "scoring.margin": 4.0},
        "mmrns": {
            "negatives.sampled": "uniform",
            "negatives.sampled.mode": "cross",
            "importance": "subsampling",
            "loss.temperature": 1.0,
            "train.draw": "shuffle",
            "train.learning_rate": 1e-4,
        },
        "distmult": {
            "scoring": "distmult",
            "scoring.dim": 1024,
            "scoring.margin": 200.0,
            "fusion": "none",
            "negatives.sampled": "uniform",
            "negatives.sampled.count": 64,
            "negatives.sampled.mode": "cross",
            "negatives.loss.scores": "each",
            "loss.temperature": 0.5,
            "regulariser": "cubed",
            "regulariser.weight": 5e-6,
            "train.epochs": 400,
            "train.batch_size": 2000,
            "train.learning_rate": 2e-3,
        },
        "transe": {
            "scoring": "transe_norm",
            "scoring.dim": 200,
            "scoring.margin": 6.0,
            "negatives.sampled.count": 64,
            "loss.temperature": 1.0,
            "train.learning_rate": 1e-4,
        },
    }
    departures = (
        "1 levels: the paper reads the chain at T/20, T/10, T/5, T/2, the code at T/10, T/8, T/4, T/2 and, with weight "
        "0, at 0 (negatives.sampling.levels)",
        "2 the generator's loss: squared in the paper, absolute in the code (negatives.diffusion.loss)",
        "3 denoiser: a layer norm after the MLP in Eq. 10; two inside it and one more linear map in the code "
        "(negatives.diffusion.norm)",
        "4 time: interleaved sines of base 1000 in the paper; halves of base 10000 and an MLP in the code "
        "(negatives.diffusion.time)",
        "5 heads: a chain of their own in the paper; each one step from the tails' chain in the code "
        "(negatives.sampling.heads)",
        "6 TransE's condition has the sign of the translation in Eq. 9, the opposite one in the code "
        "(negatives.condition)",
        "7 Eq. 12 averages one score a modality, the code does so for DistMult only and fuses the generated vectors "
        "elsewhere (negatives.loss.scores; preset distmult: each)",
        "8 the adaptive margin is nothing to DistMult, in the code and in all presets: a product has no margin",
        "9 the positive beside a level: that level's margin in Eq. 13, the full one in the code "
        "(negatives.loss.positive)",
        "10 triples with both ends generated are in the code only (negatives.loss.corruptions)",
        "11 the paper separates generator and scorer; in the code the generator's loss also moves the scorer, at full "
        "weight (negatives.diffusion.to_scorer)",
        "12 the code asks for 10 generator steps a batch and takes one; all presets take one "
        "(negatives.diffusion.updates)",
        "13 rankings are filtered by training triples in the text, by all splits in the code; all presets: all splits "
        "(eval.filter)",
        "14 the paper says BEiT features, DB15K's file holds VGG ones: the platform takes what the data hold",
        "15 the paper does not print the margins' shares; all presets have the code's 0.3, 0.5, 0.7, 0.9 "
        "(negatives.loss.margins)",
        "16 the paper's text weighs levels near the middle of the chain most; all presets have the code's 0.5, 1, 1, "
        "0.5 (negatives.loss.weights)",
        "17 nothing is validated and the last epoch is tested, as released with select=last; by default validation "
        "triples choose the epoch",
        "18 the released RotatE and TransE crash in their first step; preset code repairs that. Their numbers were not "
        "released: AdaMF's for DB15K stand in (presets mkg_w and mkg_y for the others), and preset transe is a guess "
        "within the ranges of OpenKE's scripts. Preset mmrns: what the release of MMRNS gives to other samplers, for a "
        "comparison with these at equal settings",
        "19 the reverse step is misprinted in the paper (Eq. 4-6): all presets take the usual one, of variance beta",
        "20 the weight of the generated negatives is 0.01 in the code and nowhere in the paper (negatives.loss.weight)",
        "21 one time and one noise serve both ends of a triple in the code, and in all presets",
        "w/o MMC and w/o NTAT have no released code: one structural chain for all modalities (negatives.chains), and "
        "one more ordinary negative a level, end and modality (negatives.loss=ordinary)",
        "TransE with sampled negatives of mode normal: the release scores all generated heads against all generated "
        "tails of the batch, B x B, as its arrays are broadcast; here each triple its own",
    )

    def compose(self) -> Sequence[str]:
        config, width = self.config, self.scorer.entity_width
        # Without fusion the modalities are still what negatives are generated from.
        read = config.modalities if isinstance(config.negatives, Generated.Config) or not config.fusion.null else ()
        trained = config.features == "trained"
        self.projections = self.part("projections", Projections, self.graph, read, width, trained=trained)
        names = ["structure", *self.projections.names]
        self.fusion = self.part("fusion", config.fusion.build, width, names)
        return names

    def modal(self) -> dict[str, Tensor]:
        return {"structure": self.entities.weight, **self.projections()}

    def fuse(self, modal: Mapping[str, Tensor]) -> Tensor:
        return self.fusion(modal)
