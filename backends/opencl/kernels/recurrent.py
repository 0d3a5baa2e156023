"""One step of an LSTM, GRU or RNN: what the step before left times the recurrent weights, and the gates."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.opencl.expressions import Told
from bench.backends.opencl.kernels.source import Kernel, kernel, read

LANES = 8  # units that a work-item computes
_TOLD = Told("float32", LANES)


class Cell(msgspec.Struct, frozen=True):
    """Which gates of a cell a step computes: `kind` LSTM, GRU or RNN; `gates` in all, of `units` each.

    A GRU that resets what it remembers before the product takes two steps: "reset" is the first of them, "new" the
    second; "linear" is the GRU that resets afterwards, in one.
    """

    kind: str
    gates: int
    units: int
    directions: int
    part: str = ""

    @property
    def blocks(self) -> int:
        return -(-self.units // LANES)


def packed_recurrent(weights: NDArray[np.float32], gates: int) -> NDArray[np.float32]:
    """(directions, gates * units, units) as [direction][block][input][gate][lane], filled up with zeros."""
    directions, _, units = weights.shape
    blocks = -(-units // LANES)
    full = np.zeros((directions, gates, blocks * LANES, units), np.float32)
    full[:, :, :units] = weights.reshape(directions, gates, units, units)
    return np.ascontiguousarray(full.reshape(directions, gates, blocks, LANES, units).transpose(0, 2, 4, 1, 3))


def step(cell: Cell) -> Kernel:
    """Arguments: product, packed weights, bias, first h, all h, c, scratch; how many samples there are, and the numbers
    of the direction, of the step and of the one before (-1: there is none).

    All h are (steps, directions, samples, units); c and scratch (directions, samples, units).
    Global size: blocks, samples.
    """
    names = [read("float", name) for name in ("xw", "w", "bias", "h0")]
    # Not restrict: the h of the step before lies in what is written.
    names += [f"__global float* {name}" for name in ("y", "cs", "scratch")]
    numbers = [f"const int {name}" for name in ("samples", "d", "t", "before")]
    return kernel(f"{cell.kind.lower()}{cell.part}", [*names, *numbers], _body(cell))


def _body(cell: Cell) -> Iterator[str]:
    units = cell.units
    yield f"const int block=get_global_id(0), b=get_global_id(1), j=block*{LANES};"
    yield f"const long own=((long)d*samples+b)*{units}, mine=own+j;"
    yield f"__global const float* x=xw+(((long)t*samples+b)*{cell.directions}+d)*{cell.gates * units}+j;"
    yield f"__global const float* h=before<0?h0+own:y+(long)before*{cell.directions * units}*samples+own;"
    yield f"__global float* out=y+(long)t*{cell.directions * units}*samples+mine;"
    needed = _computed(cell)
    yield f"__global const float* p=w+((long)d*{cell.blocks}+block)*{units * cell.gates * LANES};"
    yield from (f"float8 a{gate}=(float8)(0.0f);" for gate in needed)
    second = "scratch[own+k]" if cell.part == "new" else "h[k]"
    yield f"for(int k=0;k<{units};k++){{ const float8 v=(float8)(h[k]), u=(float8)({second});"
    for gate in needed:
        factor = "u" if cell.part == "new" and gate == 2 else "v"
        yield f"a{gate}+={factor}*vload8({gate},p);"
    yield f"p+={cell.gates * LANES}; }}"
    for gate in needed:
        yield from _loaded(cell, f"x{gate}", f"x+{gate * units}")
    yield from _GATES[cell.kind](cell)


def _computed(cell: Cell) -> tuple[int, ...]:
    """Gates whose products a step needs: z, r and h of a GRU are 0, 1 and 2."""
    return {"reset": (1,), "new": (0, 2)}.get(cell.part, tuple(range(cell.gates)))


def _lstm(cell: Cell) -> Iterator[str]:
    """Gates in ONNX's order: in, out, forget, cell."""
    yield from _loaded(cell, "c0", "cs+mine")
    yield f"const float8 i={_sigmoid('a0+x0')}, o={_sigmoid('a1+x1')}, f={_sigmoid('a2+x2')};"
    yield f"const float8 c1=f*c0+i*{_tanh('a3+x3')};"
    yield from _stored(cell, "c1", "cs+mine")
    yield f"const float8 h1=o*{_tanh('c1')};"
    yield from _stored(cell, "h1", "out")


def _gru(cell: Cell) -> Iterator[str]:
    yield from _loaded(cell, "old", "h+j")
    if cell.part == "reset":
        yield f"const float8 kept={_sigmoid('a1+x1')}*old;"
        yield from _stored(cell, "kept", "scratch+mine")
        return
    yield f"const float8 z={_sigmoid('a0+x0')};"
    if cell.part == "linear":
        yield from _loaded(cell, "bh", f"bias+d*{cell.units}+j")
        yield f"const float8 n={_tanh('x2+' + _sigmoid('a1+x1') + '*(a2+bh)')};"
    else:
        yield f"const float8 n={_tanh('a2+x2')};"
    yield "const float8 h1=((float8)(1.0f)-z)*n+z*old;"
    yield from _stored(cell, "h1", "out")


def _rnn(cell: Cell) -> Iterator[str]:
    yield f"const float8 h1={_tanh('a0+x0')};"
    yield from _stored(cell, "h1", "out")


_GATES = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}


def _sigmoid(text: str) -> str:
    return f"({_TOLD.of('1.0f')}/({_TOLD.of('1.0f')}+{_TOLD.call('exp', f'-({text})')}))"


def _tanh(text: str) -> str:
    return _TOLD.call("tanh", text)


def _loaded(cell: Cell, name: str, place: str) -> Iterator[str]:
    """Eight units, of which the last block may have fewer."""
    if cell.units % LANES == 0:
        yield f"const float8 {name}=vload8(0,{place});"
        return
    yield f"float t_{name}[{LANES}]; for(int l=0;l<{LANES};l++) t_{name}[l]=j+l<{cell.units}?({place})[l]:0.0f;"
    yield f"const float8 {name}=vload8(0,t_{name});"


def _stored(cell: Cell, name: str, place: str) -> Iterator[str]:
    if cell.units % LANES == 0:
        yield f"vstore8({name},0,{place});"
        return
    yield f"float s_{name}[{LANES}]; vstore8({name},0,s_{name});"
    yield f"for(int l=0;l<{LANES}&&j+l<{cell.units};l++) ({place})[l]=s_{name}[l];"
