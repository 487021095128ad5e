"""KCA: what an entity looks like to a relation, by images, texts and structure (Xu et al., ACM MM 2022; spec 3.8)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu


class Looks(NamedTuple):
    """Vectors of three branches, or similarities by them."""

    structure: Tensor
    image: Tensor
    text: Tensor


class CrossModalAttention(nn.Module):
    """Tokens of images and texts attend to each other, once as they are and once through a gate of the relation.

    `image` (entities, image tokens, width) and `text` (entities, text tokens, width) are not trained. A modality of
    one token has nothing to choose from: its gate only scales what is normalised next, so that with one token each the
    structure branch alone sees relations. The release leaves out one normalisation of the true entity's image; here all
    are alike.
    """

    image: Tensor
    text: Tensor

    def __init__(
        self, image: Tensor, text: Tensor, entity_width: int, relation_width: int, width: int, hidden: int
    ) -> None:
        super().__init__()
        self.register_buffer("image", image, persistent=False)
        self.register_buffer("text", text, persistent=False)
        self.tokens = image.shape[1], text.shape[1]
        pairs = self.tokens[0] * self.tokens[1]
        self.of_image, self.of_text = nn.Linear(image.shape[2], width), nn.Linear(text.shape[2], width)
        self.image_gate, self.text_gate = nn.Linear(relation_width, pairs), nn.Linear(relation_width, pairs)
        self.image_out = nn.Linear(self.tokens[1] * width, width)
        self.text_out = nn.Linear(self.tokens[0] * width, width)
        # One affine map of [entity ; relation], kept apart so that pairs of them need no concatenation.
        self.of_entity, self.of_relation = (
            nn.Linear(entity_width, hidden),
            nn.Linear(relation_width, hidden, bias=False),
        )
        self.structure_gate = nn.Linear(hidden, entity_width)
        self.norm = nn.LayerNorm(width)
        for member in self.modules():
            if isinstance(member, nn.Linear):
                nn.init.xavier_normal_(member.weight)

    def forward(self, ids: Tensor, structure: Tensor, relation: Tensor) -> Looks:
        """Return every branch's vectors ``(..., width)``.

        `ids` ``(...)``, `structure` ``(..., entity width)`` and `relation` ``(..., relation width)`` broadcast.
        """
        image, text = leaky_relu(self.of_image(self.image[ids]), 0.1), leaky_relu(self.of_text(self.text[ids]), 0.1)
        agreement = image @ text.mT
        to_image = self.image_gate(relation).sigmoid().unflatten(-1, self.tokens) * agreement
        to_text = self.text_gate(relation).sigmoid().unflatten(-1, self.tokens) * agreement
        # einsum sees which operand broadcasts, and copies none of them.
        seen = self.norm(torch.einsum("...ix,...iw->...xw", to_image, image))
        seen = seen + self.norm(agreement.softmax(-2).mT @ image)
        read = self.norm(torch.einsum("...ix,...xw->...iw", to_text, text))
        read = read + self.norm(agreement.softmax(-1) @ text)
        hidden = leaky_relu(self.of_entity(structure) + self.of_relation(relation), 0.1)
        kept = structure * self.structure_gate(hidden).sigmoid()
        return Looks(kept, self.image_out(seen.flatten(-2)), self.text_out(read.flatten(-2)))


def cosines(candidates: Tensor, true: Tensor) -> Tensor:
    """Return cosines of ``(n, candidates, width)`` to ``(n, width)``; lengths count as constants in gradients."""
    lengths = candidates.norm(dim=-1) * true.norm(dim=-1, keepdim=True)
    return torch.einsum("ncw,nw->nc", candidates, true) / (lengths.detach() + 1e-10)
