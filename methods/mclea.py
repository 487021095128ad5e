"""MCLEA: Multi-modal Contrastive Representation Learning for Entity Alignment (Lin et al., COLING 2022).

Every view and their weighted concatenation are aligned by contrast, and the views' similarities shall agree with the
joint ones. Facts: alignment specification, sections 6 and 2.7. Departures: ``MCLEA.departures``.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from kgprism.platform.batch import Pairs
from kgprism.platform.data.inputs.joint import JointGraph
from kgprism.platform.families.modal_alignment import SHARED_DEPARTURES
from kgprism.platform.families.modal_views import SNAG_DEPARTURES, ModalViews
from kgprism.platform.nn.losses.alignment_losses import IAL, NCA, NoAgreement
from kgprism.platform.nn.losses.balance import Balance, NoBalance, Uncertainty
from kgprism.platform.nn.losses.contrastive import ICL, NoLoss
from kgprism.platform.part import Nothing, Slot
from kgprism.platform.settings import AlignmentData, AlignmentEvaluation, AlignmentTraining, Probation


class Config(ModalViews.Config):
    """Defaults are the preset ``code``."""

    joint_loss: Slot[ICL.Config | NCA.Config | NoLoss.Config] = ICL.Config()
    modal_loss: Slot[ICL.Config | NCA.Config | NoLoss.Config] = ICL.Config()
    agreement: Slot[IAL.Config | NoAgreement.Config] = IAL.Config()
    agreement_weight: float = Field(0.1, ge=0, description="on the balanced agreement: the release's second zoom")
    balance: Slot[Uncertainty.Config | NoBalance.Config] = Uncertainty.Config()
    data: AlignmentData = AlignmentData(seed_ratio=0.3)
    train: AlignmentTraining = AlignmentTraining(epochs=1000, batch_size=512, learning_rate=5e-4, weight_decay=0.01)
    eval: AlignmentEvaluation = AlignmentEvaluation(every=50)
    pseudo_pairs: Slot[Probation | Nothing] = Probation()


class MCLEA(ModalViews[Config]):
    """Intra-modal contrast and inter-modal agreement; structure encoder, fusion, losses and their balance are slots."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {},
        "paper": {
            "agreement.reduction": "batchmean",
            "agreement.zoom": 1.0,
            "agreement_weight": 1.0,
            "pseudo_pairs.restart": "once",
        },
        "snag": {
            "image_width": 300,
            "modal_width": 300,
            "fusion": "mean",
            "train.step": "batch",
            "train.batch_size": 3500,
            "train.weight_decay": 1e-4,
            "train.schedule": "cosine",
            "train.clip": 1.0,
            "train.patience": 200,
            "train.epochs": 1500,
            "eval.every": 1,
            "pseudo_pairs.start": 250,
            "pseudo_pairs.when": "before",
            "pseudo_pairs.mode": "eval",
            "pseudo_pairs.restart": "once",
            "pseudo_pairs.learning_rate_factor": 0.2,
            "pseudo_pairs.stage": "second_stage",
        },
    }
    departures = (
        "paper: agreement is a loss beside the others; code: its mean over all entries of the rows, times 0.1 twice, "
        "leaves a gradient some 1e-9 of the contrast's (agreement.reduction, agreement.zoom, agreement_weight)",
        "code: from epoch 500 on a new AdamW every epoch, in effect sign descent (pseudo_pairs.restart). Its call says "
        "a fifth of the rate, in vain: the groups that it shares with the first AdamW keep theirs "
        "(pseudo_pairs.learning_rate_factor=1). Preset paper: one new AdamW, the same rate: the paper names one",
        "code: --weight_decay is parsed but not passed on, so that AdamW's 0.01 is used; both presets have 0.01",
        "code: six log-variances and shares whatever modalities there are; those of absent ones reach no entity, so "
        "only present ones are kept here",
        "code: switches of names and bigrams are inverted, so that the DBP15K script trains with them; here they are "
        "off by default: modalities=[image, attribute, relation, name, char]",
        "code: trains on all seeds and prints every 50 epochs, the last one at 1000 (select=last, eval.valid_ratio=0); "
        "all presets hold a tenth of the seeds out and let it choose the epoch",
        "unsupervised seeds by image or name similarity are data.seeds=unsupervised, data.seeds.modality: 1000, as the "
        "code; the epoch is chosen on a share of them, never on true pairs",
        "N10 paper: concatenation; SNAG's repository: the mean of views 300 wide (fusion), which its tables report",
        "N10 SNAG's repository draws noise for the features but feeds the clean ones: noise=masking, "
        "noise.feature_scale=0, noise.structure_scale=0.5",
        "N9 snag: 250 + 1250 epochs (pseudo_pairs.start, train.epochs), where the paper has 500 + 500",
        *SNAG_DEPARTURES,
        *SHARED_DEPARTURES,
    )

    def __init__(self, config: Config, graphs: JointGraph, seed: int) -> None:
        super().__init__(config, graphs, seed)
        self.joint_loss = self.part("joint_loss", config.joint_loss.build)
        self.modal_loss = self.part("modal_loss", config.modal_loss.build)
        self.agreement = self.part("agreement", config.agreement.build)
        # A log-variance without a loss would only sink, and shares that no loss teaches stay even.
        self.balance = self._balance("balance", config.modal_loss.null)
        self.agreement_balance = self._balance("agreement/balance", config.agreement.null)
        self.fusion.requires_grad_(not config.joint_loss.null)

    def _balance(self, name: str, idle: bool) -> Balance:
        settings = NoBalance.Config() if idle else self.config.balance
        return self.part(name, settings.build, self.views)

    def losses(self, views: Mapping[str, Tensor], pairs: Pairs) -> dict[str, Tensor]:
        own = {name: views[name] for name in self.views}
        modal = self.balance({name: self.modal_loss(view, pairs) for name, view in own.items()})
        agreement = self.agreement_balance(self.agreement(own, views["joint"], pairs))
        weighted = {f"agreement/{name}": self.config.agreement_weight * value for name, value in agreement.items()}
        return {"joint": self.joint_loss(views["joint"], pairs), **modal, **weighted}
