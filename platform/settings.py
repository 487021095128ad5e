"""Settings that every method shares; a method's ``Config`` only changes their defaults."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints, model_validator

from kgprism.platform.part import Nothing, Part, Settings, Slot, Stateless

if TYPE_CHECKING:
    import numpy as np

#: ``name`` and ``char`` are surface forms: word vectors and character bigrams of the entities' names.
Modality = Literal["image", "attribute", "relation", "text", "name", "char"]
#: ``published``, the source's own (where it has none, the only set there is), or a set of `kgprism data features`.
VectorSet = Annotated[str, StringConstraints(pattern="^[A-Za-z][A-Za-z0-9._-]*$")]
Selection = Literal["valid", "best_test", "last"]
SELECTIONS: tuple[Selection, ...] = ("valid", "best_test", "last")
#: What a task's numbers are about, the first by default; ``seen``: triples whose ends are both in the training triples.
DIRECTIONS = {"alignment": ("l2r", "r2l", "mean"), "completion": ("mean", "tail", "head", "seen")}


class Measure(NamedTuple):
    """How a metric is headed, what a query of that rank counts (the metric is its mean), and which end is the best."""

    title: str
    of: "Callable[[np.ndarray], np.ndarray]"
    lowest: bool = False


Metric = Literal["hits_at_1", "hits_at_3", "hits_at_10", "mrr", "mr"]
#: All that the judge makes of ranks; tables, suites, search spaces and `Evaluation.metric` take their words from here.
METRICS: Mapping[Metric, Measure] = {
    "hits_at_1": Measure("Hits@1", lambda ranks: ranks <= 1),
    "hits_at_3": Measure("Hits@3", lambda ranks: ranks <= 3),
    "hits_at_10": Measure("Hits@10", lambda ranks: ranks <= 10),
    "mrr": Measure("MRR", lambda ranks: 1 / ranks),
    "mr": Measure("MR", lambda ranks: ranks, lowest=True),
}
#: What is shown where nobody asked for others.
HEADLINES: tuple[Metric, ...] = ("hits_at_1", "hits_at_10", "mrr")


class Unsupervised(Part):
    """Seed pairs without a label: entities whose features are alike (alignment specification, 0.11)."""

    kind: Literal["unsupervised"] = "unsupervised"
    modality: Literal["image", "name", "char"] = Field("image", description="what is compared; it need not be encoded")
    count: int = Field(1000, ge=1, description="k: seed pairs to find")
    among: Literal["all", "present"] = Field(
        "all", description="all: filled-in vectors take part, as in the releases; present: they do not"
    )


class AlignmentData(Settings):
    """What is read from the two graphs (spec 0.2, 0.3)."""

    seed_ratio: float = Field(0.2, gt=0, lt=1, description="share of the pairs that is known when training starts")
    split: Literal["auto", "seeded", "published", "papers"] = Field(
        "auto",
        description="auto: published, the source's own, where there is one; seeded on known benchmarks and where "
        "seed_ratio or split_seed is set; seeded: shuffled by split_seed, as the papers, pairs that share an entity on "
        "one side; papers: without that (FB15K-DB15K has four such pairs)",
    )
    split_seed: int | None = Field(None, ge=0, description="none: the run's seed")
    seeds: Slot[Unsupervised | Nothing] = Field(
        Nothing(), description="pairs to train on; none: the split's own. The test pairs stay the same"
    )
    image: VectorSet = Field("published", description="vectors of pictures: the data's own, or a set (data features)")
    text: VectorSet = Field("published", description="of texts: the same")
    name: VectorSet = Field("published", description="of names: the same")
    missing_images: Literal["normal", "neighbour", "zero"] = Field(
        "normal", description="rows of entities without an image: random, the neighbours' mean, zeros"
    )
    image_ratio: float = Field(1.0, ge=0, le=1, description="R_img: share of the paired entities that keeps an image")
    image_dropout: float = Field(0.0, ge=0, lt=1, description="share of the image vectors' numbers lost for good")
    top_relations: int = Field(1000, ge=1, description="the most frequent relations that are features")
    top_attributes: int = Field(1000, ge=1, description="the most frequent attributes that are features")


class CompletionData(Settings):
    """What is read from a graph whose triples are split (completion specification, 0.1, 0.2)."""

    valid: Literal["auto", "published", "holdout"] = Field(
        "auto", description="auto: the published triples, or a share of train where those are in train or test"
    )
    holdout: float = Field(0.1, gt=0, lt=0.5, description="share of the training triples that is held out")
    holdout_seed: int = Field(0, ge=0, description="draws what is held out; the run's seed does not")
    image: VectorSet = Field("published", description="vectors of pictures: the data's own, or a set (data features)")
    text: VectorSet = Field(
        "published",
        description="the same; labels: hashed character n-grams of names; sentences: an encoder (extra `text`)",
    )
    text_width: int = Field(384, ge=8, description="coordinates of the hashed n-grams")
    missing: Literal["zero", "normal"] = Field("zero", description="rows of entities without a vector; normal: as SNAG")


class Cosine(Part):
    """Linear warm-up, then half a cosine down to zero at `horizon`."""

    kind: Literal["cosine"] = "cosine"
    warmup: float = Field(0.15, ge=0, lt=1, description="share of the horizon")
    horizon: float = Field(1.0, ge=1, description="where zero is reached, in whole trainings")


class Training(Settings):
    """The optimiser and how often it steps (spec 0.8)."""

    epochs: int = Field(100, ge=1, description="at most: see patience")
    step: Literal["epoch", "batch"] = Field(
        "epoch", description="one optimiser step an epoch (Loop-E) or a batch (Loop-M)"
    )
    batch_size: int = Field(512, ge=1, description="pairs (or triples) whose members are each other's negatives")
    learning_rate: float = Field(5e-4, gt=0, description="of AdamW")
    weight_decay: float = Field(0.01, ge=0, description="of AdamW")
    schedule: Slot[Cosine | Nothing] = Field(Nothing(), description="of the learning rate; none: constant")
    clip: float = Field(0.0, ge=0, description="largest norm of the gradient; 0: no clipping")
    accumulate: int = Field(1, ge=1, description="batches a step (Loop-M)")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of matrix products in training (mixed precision); the judge's is always float32"
    )
    patience: int = Field(0, ge=0, description="evaluations without a gain before an early stop; 0: never")
    device: Stateless[str] = Field("auto", description="auto: a GPU if there is one; cpu, cuda, cuda:1")
    checkpoint_seconds: Stateless[float] = Field(60.0, ge=0, description="least time between two checkpoints")
    keep_weights: Stateless[bool] = Field(True, description="whether the store keeps the weights of the epoch selected")


class Neighbours(Part):
    """A step encodes the entities of its pairs and of triples around them, drawn anew each time (GraphSAGE).

    Features, tables and one pass without gradients must still fit into memory: the judge sees the whole graphs.
    """

    kind: Literal["neighbours"] = "neighbours"
    fan_out: int = Field(15, ge=1, description="triples drawn for each entity, hop by hop")
    hops: int = Field(2, ge=1, description="how far; the encoder's depth, one more where degrees count")
    table_steps: Literal["dense", "lazy"] = Field(
        "dense",
        description="of learned tables of entities; lazy: a step moves the rows it has drawn, all others stay as they "
        "are, without decay and with their moments (PyTorch's SparseAdam, with AdamW's decay)",
    )


class AlignmentTraining(Training):
    """How steps of pairs are taken (alignment specification, 0.8)."""

    clip_after: Literal["step", "slice"] = Field(
        "step", description="slice: what has gathered is clipped again after each slice of a step (IBMEA's release)"
    )
    sampling: Slot[Neighbours | Nothing] = Field(
        Nothing(), description="for graphs that do not fit; none: each step encodes all entities. Use train.step=batch"
    )


class CompletionTraining(Training):
    """Batches of triples (completion specification, 0.3): Adam, floor(triples / batch_size) batches an epoch."""

    step: Literal["batch"] = Field("batch", description="one optimiser step a batch")
    batch_size: int = Field(1024, ge=1, description="positive triples a step")
    learning_rate: float = Field(1e-3, gt=0, description="of AdamW")
    weight_decay: float = Field(0.0, ge=0, description="of AdamW")
    draw: Literal["replacement", "shuffle"] = Field("replacement", description="how an epoch's positives are drawn")


class Evaluation(Settings):
    """How a run is judged and which epoch is picked."""

    every: int = Field(50, ge=1, description="epochs between evaluations; the last one of a stage is always evaluated")
    metric: Metric = Field("mrr", description="what the epoch is picked by")
    direction: str
    select: Stateless[Selection] = Field("valid", description="which stored epoch a table shows; every run stores all")
    chunk: Stateless[int] = Field(2048, ge=1, description="queries scored at once")


class CompletionEvaluation(Evaluation):
    """Filtered ranking of heads and tails (completion specification, 0.7)."""

    direction: Literal["head", "tail", "mean"] = Field("mean", description="whose metric picks the epoch")
    filter: Literal["all", "train"] = Field("all", description="splits whose other right answers are no candidates")
    chunk: Stateless[int] = Field(256, ge=1, description="queries scored at once")


class AlignmentEvaluation(Evaluation):
    """Both directions between the pairs of a split, by CSLS (alignment specification, 0.10)."""

    csls_k: int = Field(3, ge=0, description="neighbours of CSLS; 0: plain cosine")
    valid_ratio: float = Field(0.1, ge=0, lt=1, description="share of the seeds held out to choose the epoch")
    direction: Literal["l2r", "r2l", "mean"] = Field("l2r", description="whose metric picks the epoch")

    @model_validator(mode="after")
    def _selectable(self) -> "AlignmentEvaluation":
        if self.select == "valid" and self.valid_ratio == 0:
            raise ValueError("select is 'valid' but valid_ratio is 0: choose select=last or select=best_test")
        return self


class SecondStage(Part):
    """Pseudo-pairs begin a training of its own: a linear warm-up and half a cosine; the first schedule ends there."""

    kind: Literal["second_stage"] = "second_stage"
    warmup: float = Field(0.15, ge=0, lt=1, description="share of the horizon")
    horizon: float = Field(3.0, ge=1, description="where the rate reaches zero, in lengths of this stage")
    weights: Literal["best", "last"] = Field(
        "best", description="best: of the epochs before, by eval.metric on valid, on test where nothing is held out"
    )


class Probation(Part):
    """Pseudo-pairs that must be mutual nearest neighbours again and again before they are trained on (spec 0.9)."""

    kind: Literal["probation"] = "probation"
    start: int = Field(500, ge=0, description="E0: first epoch that checks")
    every: int = Field(5, ge=1, description="Ke: epochs between checks")
    window: int = Field(50, ge=1, description="P: epochs after which a new probation starts")
    commit: int = Field(50, ge=1, description="W: epochs between additions to the training pairs")
    when: Literal["before", "after"] = Field("after", description="check before or after the epoch's steps")
    mode: Literal["train", "eval"] = Field("train", description="dropout and noise on or off while checking")
    restart: Literal["every_epoch", "once", "never"] = Field(
        "every_epoch", description="when a new optimiser is made from `start` on (il_opt_reset)"
    )
    learning_rate_factor: float = Field(1.0, gt=0, description="on the learning rate from `start` on")
    stage: Slot[SecondStage | Nothing] = Field(Nothing(), description="none: weights and schedule go on at `start`")
    chunk: Stateless[int] = Field(2048, ge=1, description="left entities compared at once")
