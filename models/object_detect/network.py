"""A one-stage detector without anchor boxes: small residual backbone, feature pyramid at strides 8, 16 and 32, one head
for all three levels (after FCOS, Tian et al. 2019), with batch norms for training or folded for use.

Normalisation of the picture, boxes in pixels and scores are part of it; training and export: `train`, `build`.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bench.models.blocks import Convolution
from bench.models.object_detect.classes import CLASS_NAMES
from bench.models.object_detect.layers import Backbone, Head, Pyramid, Residual, Shared
from bench.models.object_detect.place import SIZE
from bench.models.weights import load_weights

STRIDES = (8, 16, 32)

# What a place believes before it has learned: that nothing is there, and a box of four strides.
_DOUBT, _REACH = -4.6, 2.0


class Detector(nn.Module):
    """Pictures uint8 (batch, 3, 320, 320) to boxes (batch, 2100, 4), x1 y1 x2 y2 in pixels, and scores from 0 to 1.

    Scores are (batch, 2100, classes), each class for itself.
    """

    mean: Tensor
    scale: Tensor
    corners: Tensor
    reach: Tensor

    def __init__(self, folded: bool = False, classes: int = len(CLASS_NAMES)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 110.0))
        self.register_buffer("scale", torch.full((1, 3, 1, 1), 1 / 60.0))
        # Where a box of no size would lie, and how far a distance of one takes each of its sides.
        centres, strides = places(SIZE)
        self.register_buffer("corners", torch.cat([centres, centres], dim=1).T[None].contiguous(), persistent=False)
        signs = torch.tensor([-1.0, -1.0, 1.0, 1.0])
        self.register_buffer("reach", (signs[:, None] * strides)[None], persistent=False)
        self.backbone = Backbone(folded)
        self.pyramid = Pyramid(folded)
        self.head = Head(classes, folded)

    def raw(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Distances in strides (batch, 4, places) and logits (batch, classes, places)."""
        x = (image - self.mean) * self.scale
        sides, logits = self.head(self.pyramid(self.backbone(x)))
        return sides, logits

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes and scores."""
        sides, logits = self.raw(image)
        # In half precision a box at the far end would lie on whole pixels.
        boxes = _wide(self.corners) + _wide(sides) * _wide(self.reach)
        boxes = boxes.clamp(0, SIZE).transpose(1, 2)
        return boxes, torch.sigmoid(logits).transpose(1, 2)


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def places(size: int) -> tuple[Tensor, Tensor]:
    """Centres (places, 2), x then y, in pixels of a square picture, and the stride (places,) of each."""
    centres, strides = [], []
    for stride in STRIDES:
        count = size // stride
        axis = (torch.arange(count, dtype=torch.float32) + 0.5) * stride
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        centres.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((count * count,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def untrained(seed: int) -> Detector:
    """The network with batch norms and starting weights drawn from `seed`; residual blocks start as the identity."""
    network = Detector()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, Residual):
            nn.init.zeros_(module.second.norm.get_parameter("weight"))
    for layer, bias in ((network.head.sides, _REACH), (network.head.logits, _DOUBT)):
        assert layer.bias is not None
        nn.init.normal_(layer.weight, std=0.01, generator=generator)
        nn.init.constant_(layer.bias, bias)
    return network


def folded(network: Detector) -> Detector:
    """The same network with its batch norms folded (in float64) into the convolutions before them."""
    exact = copy.deepcopy(network).double().eval()
    state = {name: value for name, value in exact.state_dict().items() if ".norm." not in name}
    for name, module in exact.named_modules():
        if isinstance(module, Convolution | Shared):
            assert isinstance(module.norm, nn.BatchNorm2d)
            fused = fuse_conv_bn_eval(module.conv, module.norm)
            state |= {f"{name}.conv.{part}": value for part, value in fused.state_dict().items()}
    result = Detector(folded=True, classes=network.head.logits.out_channels)
    result.load_state_dict(state)
    return result.eval()


def load_shipped(graph: Path) -> Detector:
    """Return the folded network with exactly the weights that `graph`, the workload's own file, holds."""
    network = Detector(folded=True).eval()
    load_weights(network, graph)
    return network
