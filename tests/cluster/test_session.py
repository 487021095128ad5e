"""What the Ray session gives to runs."""

import numpy as np
import pytest
import ray

from kgprism.platform.cluster.address import trouble
from kgprism.platform.cluster.session import gpus_each, share, shared
from kgprism.platform.data.catalogue import toy

pytestmark = pytest.mark.ray


def test_a_run_takes_no_gpu_where_there_is_none_and_what_is_asked_for(cluster: None) -> None:
    assert gpus_each(None) == 0.0
    assert gpus_each(0.5) == 0.5
    assert gpus_each(0.0) == 0.0


def test_a_dataset_is_shared_without_a_copy(cluster: None) -> None:
    graphs = toy.aligned()
    reference = share(graphs)
    one, two = shared(reference), shared(reference)
    assert one.fingerprint == graphs.fingerprint
    assert np.shares_memory(one.left.features["image"].values, two.left.features["image"].values)
    assert not one.left.features["image"].values.flags.writeable


def test_a_living_session_answers(cluster: None) -> None:
    assert trouble(ray.get_runtime_context().gcs_address) is None
