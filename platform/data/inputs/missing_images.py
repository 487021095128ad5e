"""Images that are missing or damaged: taken away (R_img) or worn on purpose, and filled in."""

from typing import Literal

import numpy as np
import torch
from scipy.sparse import csr_matrix

from kgprism.platform.data.graph import Features
from kgprism.platform.errors import ConfigurationError

Policy = Literal["normal", "neighbour", "zero"]


def remove_images(images: Features, paired: np.ndarray, ratio: float, draw: np.random.Generator) -> Features:
    """Take images from `paired` entities until at most ``int(ratio * paired)`` of them have one; others keep theirs.

    A smaller ratio takes away all that a larger one does (SNAG, section 5.1).
    """
    pictured = draw.permutation(np.intersect1d(images.entities, paired))
    kept = ~np.isin(images.entities, pictured[int(ratio * len(paired)) :])
    return Features(images.entities[kept], images.values[kept])


def drop_numbers(images: Features, probability: float, draw: np.random.Generator) -> Features:
    """Lose each number of each vector with a `probability`; a larger one also loses what a smaller one does.

    Neither what is left nor what is filled in from it needs a larger scale: rows are normalised afterwards.
    """
    return Features(images.entities, images.values * (draw.random(images.values.shape, np.float32) >= probability))


def fill_in(
    images: Features, count: int, triples: np.ndarray, policy: Policy, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors for all entities ``(count, width)``, not normalised, and which of them were there before.

    ``normal``: a draw for each entity from the mean and the standard deviation of every dimension. ``neighbour``: the
    mean over the neighbours that have an image, one entry a triple and direction; the entities without such a neighbour
    share one single draw. ``zero``: zeros.

    Raises:
        ConfigurationError: if no image is left to fill from.
    """
    width = images.values.shape[1]
    everything = np.zeros((count, width), np.float32)
    everything[images.entities] = images.values
    present = np.zeros(count, bool)
    present[images.entities] = True
    if policy == "zero" or present.all():
        return everything, present
    if not present.any():
        raise ConfigurationError(f"data.image_ratio: no image is left for data.missing_images={policy} to fill from")
    deviation, mean = (part.numpy() for part in torch.std_mean(torch.from_numpy(images.values), dim=0, correction=0))
    if policy == "normal":
        noise = draw.standard_normal((count - len(images.entities), width), np.float32)
        everything[~present] = mean + deviation * noise
    else:
        lonely = mean + deviation * draw.standard_normal(width, np.float32)
        everything[~present] = _of_neighbours(images, present, triples, lonely)
    return everything, present


def _of_neighbours(images: Features, present: np.ndarray, triples: np.ndarray, lonely: np.ndarray) -> np.ndarray:
    """Return ``(missing, width)``: the mean image around each entity that has none, or `lonely`."""
    ends = np.concatenate([triples[:, [0, 2]], triples[:, [2, 0]]])
    ends = ends[~present[ends[:, 0]] & present[ends[:, 1]]]
    row, column = np.cumsum(~present) - 1, np.cumsum(present) - 1
    shape = ((~present).sum(), len(images.entities))
    edges = csr_matrix((np.ones(len(ends), np.float32), (row[ends[:, 0]], column[ends[:, 1]])), shape)
    degree = np.asarray(edges.sum(1))
    return np.where(degree > 0, (edges @ images.values) / np.maximum(degree, 1), lonely)
