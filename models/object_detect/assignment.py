"""Which places of the picture answer for which object, and the loss that follows (TOOD, Feng et al. 2021).

A place is chosen by how well it already finds the object: its score for the right class and the overlap of its box.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

# Places that learn an object; weight of score and overlap in their choice.
_CHOSEN, _SCORE_POWER, _OVERLAP_POWER = 10, 0.5, 6.0
# An object is at least this wide and high, in pixels from its middle, when places inside it are looked for.
_LEAST_REACH = 5.0
_BOX_WEIGHT, _KIND_WEIGHT = 2.5, 1.0
_TINY = 1e-9


class Targets(NamedTuple):
    """Per place: wanted scores (batch, places, classes) and box (batch, places, 4)."""

    scores: Tensor
    boxes: Tensor


def overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and its generalisation for boxes apart (Rezatofighi et al. 2019); (…, 4) to (…)."""
    sides = (torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])).clamp_min(
        0
    )
    shared = sides.prod(-1)
    union = _area(first) + _area(second) - shared + _TINY
    around = (
        torch.maximum(first[..., 2:], second[..., 2:]) - torch.minimum(first[..., :2], second[..., :2])
    ).clamp_min(0)
    hull = around.prod(-1) + _TINY
    share = shared / union
    return share, share - (hull - union) / hull


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1)


@torch.no_grad()
def assign(boxes: Tensor, scores: Tensor, centres: Tensor, truth: Tensor) -> Targets:
    """Boxes (batch, places, 4), scores (batch, places, classes); truth (batch, objects, 7): labels, unused ones -1."""
    present = truth[..., 0] >= 0
    kinds, wanted = truth[..., 0].long().clamp_min(0), truth[..., 1:5]
    middle, reach = (
        (wanted[..., :2] + wanted[..., 2:]) / 2,
        ((wanted[..., 2:] - wanted[..., :2]) / 2).clamp_min(_LEAST_REACH),
    )
    inside = ((centres[None, None] - middle[:, :, None]).abs() < reach[:, :, None]).all(-1) & present[..., None]
    share, _ = overlaps(boxes[:, None], wanted[:, :, None])
    right = torch.gather(scores.transpose(1, 2), 1, kinds[..., None].expand(-1, -1, scores.shape[1]))
    fit = right.pow(_SCORE_POWER) * share.pow(_OVERLAP_POWER) * inside
    best = fit.topk(_CHOSEN, dim=-1)
    chosen = torch.zeros_like(fit, dtype=torch.bool).scatter_(-1, best.indices, best.values > 0)
    # A place that several objects chose answers for the one it overlaps most.
    owner = torch.where(chosen, share, -1.0).argmax(dim=1)
    mine = chosen & (owner[:, None] == torch.arange(truth.shape[1])[None, :, None])
    peak_fit = (fit * mine).amax(-1, keepdim=True)
    peak_share = (share * mine).amax(-1, keepdim=True)
    worth = (fit * mine / peak_fit.clamp_min(1e-37) * peak_share).amax(dim=1)
    kind = torch.gather(kinds, 1, owner)
    target = torch.zeros_like(scores).scatter_(-1, kind[..., None], worth[..., None])
    return Targets(target, torch.gather(wanted, 1, owner[..., None].expand(-1, -1, 4)))


def detection_loss(sides: Tensor, logits: Tensor, centres: Tensor, strides: Tensor, truth: Tensor) -> Tensor:
    """Scalar loss of distances (batch, 4, places) and logits (batch, classes, places)."""
    boxes = corners(sides.float(), centres, strides)
    logits = logits.float().transpose(1, 2)
    targets = assign(boxes.detach(), logits.detach().sigmoid(), centres, truth)
    weight = targets.scores.sum(-1)
    total = weight.sum().clamp_min(1.0)
    kinds = nn.functional.binary_cross_entropy_with_logits(logits, targets.scores, reduction="sum")
    busy = weight > 0
    _, generalised = overlaps(boxes[busy], targets.boxes[busy])
    # Which class it is, asked apart from whether anything is there: that is learned far sooner, and drowns the other.
    confused = nn.functional.cross_entropy(logits[busy], targets.scores[busy].argmax(-1), reduction="none")
    apart = ((1 - generalised) * _BOX_WEIGHT + confused * _KIND_WEIGHT) * weight[busy]
    return (kinds + apart.sum()) / total


def corners(sides: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """Distances in strides (batch, 4, places) to boxes (batch, places, 4) in pixels."""
    reach = sides.transpose(1, 2) * strides[:, None]
    return torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], dim=-1)
