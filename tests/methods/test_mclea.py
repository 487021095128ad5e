import pytest
import torch
from torch.nn.functional import normalize

from kgprism.platform.batch import Pairs
from kgprism.platform.configuration import resolve
from kgprism.platform.data.catalogue import toy
from kgprism.platform.data.inputs.features import join
from kgprism.platform.method import load
from kgprism.platform.nn.losses.alignment_losses import IAL
from kgprism.platform.nn.losses.balance import Uncertainty
from kgprism.platform.nn.losses.contrastive import ICL
from kgprism.platform.training.run import execute, plan

MCLEA = load("mclea")
NARROW = {"table_width": 8, "image_width": 4, "modal_width": 4}
VIEWS = ["image", "attribute", "relation", "graph"]


@pytest.fixture(scope="module")
def graphs():
    return toy.aligned()


def built(graphs, preset: str = "code", **overrides):
    layer = NARROW | {key.replace("__", "."): value for key, value in overrides.items()}
    config = resolve(MCLEA.Config, MCLEA.presets[preset], layer)
    return MCLEA(config, join(graphs, config.data, 0, config.modalities), 0)


def pairs(graphs, count: int = 6) -> Pairs:
    found = torch.from_numpy(graphs.pairs[:count].copy())
    return Pairs(found[:, 0], found[:, 1] + len(graphs.left.entities))


def test_mclea_is_600_wide_and_snags_version_of_it_300(graphs):
    widths = {}
    for preset in ("code", "paper", "snag"):
        config = resolve(MCLEA.Config, MCLEA.presets[preset])
        views = MCLEA(config, join(graphs, config.data, 0, config.modalities), 0).encode()
        assert list(views) == [*VIEWS, "joint"]
        widths[preset] = [view.shape[1] for view in views.values()]
    assert widths == {"code": [100, 100, 100, 300, 600], "paper": [100, 100, 100, 300, 600], "snag": [300] * 5}


def test_snags_joint_embedding_is_a_quarter_of_the_weighted_sum(graphs):
    method = built(graphs, "snag", table_width=4)
    views = method.encode()
    # Four equal shares of a quarter, then the mean of four.
    torch.testing.assert_close(views["joint"], sum(normalize(views[name]) for name in VIEWS) / 16)


def test_losses_are_contrast_and_agreement_each_balanced_by_its_own_variances(graphs):
    method, found = built(graphs), pairs(graphs)
    method.balance.log_variances.data = torch.tensor([0.1, 0.2, 0.3, 0.4])
    method.agreement_balance.log_variances.data = torch.tensor([-0.1, -0.2, -0.3, -0.4])
    views = method.encode()
    losses = method.losses(views, found)
    icl, ial = ICL.Config(temperature=0.1).build(), IAL.Config(temperature=4.0, reduction="mean", zoom=0.1).build()
    torch.testing.assert_close(losses["joint"], icl(views["joint"], found))
    agreement = ial({name: views[name] for name in VIEWS}, views["joint"], found)
    for number, name in enumerate(VIEWS):
        s = torch.tensor(0.1 * (number + 1))
        torch.testing.assert_close(losses[name], (-s).exp() * icl(views[name], found) + s)
        torch.testing.assert_close(losses[f"agreement/{name}"], 0.1 * (s.exp() * agreement[name] - s))
    assert len(losses) == 1 + 2 * len(VIEWS)


def test_a_log_variance_learns_from_its_own_loss_and_sinks_without_one():
    balance = Uncertainty.Config().build(["image", "name"])
    balance.log_variances.data = torch.tensor([0.5, 0.5])
    loss = torch.tensor(3.0, requires_grad=True)
    torch.stack(list(balance({"image": loss}).values())).sum().backward()
    shrunk = torch.exp(torch.tensor(-0.5))
    torch.testing.assert_close(balance.log_variances.grad, torch.stack([1 - shrunk * 3, torch.tensor(1.0)]))
    torch.testing.assert_close(loss.grad, shrunk)


def gradients(method, found: Pairs, prefix: str) -> torch.Tensor:
    """Return the norm of the gradient that losses of a name have in the learned table."""
    losses = method.losses(method.encode(), found)
    total = torch.stack([value for name, value in losses.items() if name.startswith(prefix)]).sum()
    return torch.autograd.grad(total, method.table.weight)[0].norm()


def test_the_released_agreement_moves_next_to_nothing_and_the_papers_is_a_loss(graphs):
    found = pairs(graphs, 40)
    code, paper = (
        gradients(method, found, "agreement") / gradients(method, found, "joint")
        for method in (built(graphs), built(graphs, "paper"))
    )
    assert 0 < code < 1e-4
    # 0.1 twice, and the mean over 2 x 40 entries of a row.
    torch.testing.assert_close(paper, 100 * 80 * code, rtol=1e-3, atol=0.0)


def test_each_loss_of_mclea_can_be_taken_out(graphs):
    found = pairs(graphs)
    full = built(graphs)
    for toggle, gone in ({"agreement": "none"}, "agreement_balance"), ({"modal_loss": "none"}, "balance"):
        method = built(graphs, **toggle)
        parameters = dict(method.named_parameters())
        assert f"{gone}.log_variances" not in parameters
        for name, parameter in full.named_parameters():
            if not name.startswith(f"{gone}."):
                torch.testing.assert_close(parameters[name], parameter)
    assert not any(
        name.startswith("agreement") for name in built(graphs, agreement="none").losses(full.encode(), found)
    )
    silent = built(graphs, agreement_weight=0.0)
    losses = silent.losses(silent.encode(), found)
    assert all(value == 0 for name, value in losses.items() if name.startswith("agreement"))
    frozen = built(graphs, joint_loss="none")
    assert not frozen.fusion.weights.requires_grad


def test_noise_on_the_graph_only_leaves_the_features_clean_as_in_snags_repository(graphs):
    clean = built(graphs, "snag").encode()
    noise = {"noise": "masking", "noise__feature_scale": 0.0, "noise__structure_scale": 0.5}
    noisy = built(graphs, "snag", **noise).encode()
    for name in ("image", "attribute", "relation"):
        torch.testing.assert_close(noisy[name], clean[name])
    assert not torch.allclose(noisy["graph"], clean["graph"])


@pytest.mark.slow
def test_mclea_learns_toy_far_above_chance_and_its_parts_change_the_result(graphs):
    base = {"train.epochs": 10, "train.learning_rate": 5e-3, "eval.every": 10, "pseudo_pairs": "none"}
    base |= {"table_width": 64, "image_width": 32, "modal_width": 32}
    rows = {
        "full": {},
        "mean": {"fusion": "mean"},
        "even": {"fusion": "none"},
        "convolution": {"structure": "convolution"},
        "agreement": {"agreement.reduction": "batchmean", "agreement.zoom": 1.0, "agreement_weight": 1.0},
        "w/o modal loss": {"modal_loss": "none"},
        "w/o uncertainty": {"balance": "none"},
    }
    found = {}
    for name, overrides in rows.items():
        run = plan("mclea", graphs, 0, base | overrides)
        found[name] = execute(run, graphs).selections["last"].metrics["test/l2r/mrr"]
    untrained = plan("mclea", graphs, 0, base | {"joint_loss": "none", "modal_loss": "none", "train.epochs": 1})
    assert found["full"] > 3 * execute(untrained, graphs).selections["last"].metrics["test/l2r/mrr"]
    assert len(set(found.values())) == len(rows), found
