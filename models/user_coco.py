"""A user's pictures with boxes: COCO's annotation file, whose pictures lie where it says from its own folder on.

Boxes become those of the picture as the model sees it. Classes are the categories in the order of their numbers, as
they are usually trained on; a model answers with as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.models.user_files import BadModel, first_line
from bench.records.preparation import Preparation
from bench.records.untrusted import read_json
from bench.tasks.pictures import resized_size

_NOTHING = -1.0
Labels = NDArray[np.float64]


class _Image(msgspec.Struct, frozen=True):
    id: int
    file_name: str


class _Annotation(msgspec.Struct, frozen=True):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: int = 0


class _Category(msgspec.Struct, frozen=True):
    id: int


class _File(msgspec.Struct, frozen=True):
    images: tuple[_Image, ...]
    annotations: tuple[_Annotation, ...]
    categories: tuple[_Category, ...]


def check_detector(outputs: Sequence[Tensor]) -> int:
    """The number of classes of a model that answers with boxes and scores. Raises BadModel for another."""
    named = {tensor.name: tensor.shape for tensor in outputs}
    shapes = list(named.values())
    if [len(shape) for shape in shapes] != [2, 2] or shapes[0] != (shapes[1][0], 4):
        raise BadModel(
            "`--task detect` needs a model with two outputs: boxes (places, 4), x1 y1 x2 y2 in pixels of the input, "
            f"and scores (places, classes) from 0 to 1; this one has {named}."
        )
    return shapes[1][1]


def whole_picture_unless_said(preparation: Preparation, tensor: Tensor) -> Preparation:
    """`preparation`, but where it says neither resize nor crop the whole picture is squeezed to the model's size."""
    said = preparation.resize is not None or preparation.crop is not None or preparation.sample_rate is not None
    if said or len(tensor.shape) != 3:
        return preparation
    height, width = tensor.shape[:2] if preparation.layout == "NHWC" else tensor.shape[1:]
    return msgspec.structs.replace(preparation, resize=(height, width))


def read_annotations(
    file: Path, classes: int, tensor: Tensor, preparation: Preparation
) -> tuple[list[Path], NDArray[np.float64]]:
    """The pictures, and labels (n, most, 7): class, x1, y1, x2, y2, area, crowd, unused rows -1.

    Raises BadModel and BadFile, with the place, for what is no such file or does not fit the model.
    """
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise BadModel(f"{file}: {what}; `--data` with `--task detect` needs COCO's annotations (JSON).")
    given = read_json(file, _File)
    images, kinds = _images(file, given), _kinds(file, given, classes)
    rows: list[list[tuple[float, ...]]] = [[] for _ in given.images]
    for number, annotation in enumerate(given.annotations):
        picture, row = _row(f"{file}: annotations[{number}]", annotation, images, kinds)
        rows[picture].append(row)
    files = [_picture(file, number, image) for number, image in enumerate(given.images)]
    labels = np.full((len(files), max(1, *map(len, rows)), 7), _NOTHING)
    height, width = tensor.shape[:2] if preparation.layout == "NHWC" else tensor.shape[1:]
    for place, mine in enumerate(rows):
        if mine:
            seen = _as_seen(np.array(mine), _size(files[place]), height, width, preparation)
            labels[place, : len(seen)] = seen
    return files, labels


def _images(file: Path, given: _File) -> Mapping[int, int]:
    """The place of each picture by its number."""
    if not given.images:
        raise BadModel(f"{file}: it lists no images.")
    places = {image.id: place for place, image in enumerate(given.images)}
    if len(places) < len(given.images):
        raise BadModel(f"{file}: {len(given.images)} images have {len(places)} different ids; each needs its own.")
    return places


def _kinds(file: Path, given: _File, classes: int) -> Mapping[int, int]:
    """The class of each category by its number."""
    kinds = {number: kind for kind, number in enumerate(sorted({category.id for category in given.categories}))}
    if len(kinds) != classes or len(given.categories) != classes:
        raise BadModel(
            f"{file}: {len(kinds)} different categories, and the model scores {classes} classes; they are matched in "
            "the order of the categories' ids, so that each class needs one."
        )
    return kinds


def _row(
    where: str, annotation: _Annotation, images: Mapping[int, int], kinds: Mapping[int, int]
) -> tuple[int, tuple[float, ...]]:
    """The place of the picture, and class, x1, y1, x2, y2, area, crowd in its own pixels."""
    if annotation.image_id not in images:
        raise BadModel(f"{where}: image_id {annotation.image_id} is the id of no image.")
    if annotation.category_id not in kinds:
        raise BadModel(f"{where}: category_id {annotation.category_id} is the id of no category.")
    x, y, width, height = annotation.bbox
    if width < 0 or height < 0:
        raise BadModel(f"{where}: bbox is {list(annotation.bbox)}; width and height must not be negative.")
    area = width * height if annotation.area is None else annotation.area
    kind = kinds[annotation.category_id]
    return images[annotation.image_id], (kind, x, y, x + width, y + height, area, float(annotation.iscrowd != 0))


def _picture(listed: Path, number: int, image: _Image) -> Path:
    found = listed.parent / image.file_name
    if not image.file_name or not found.is_file():
        raise BadModel(f"{listed}: images[{number}]: {image.file_name!r} is no file in {listed.parent}.")
    return found


def _size(file: Path) -> tuple[int, int]:
    """Width and height of a picture, read from its head."""
    from PIL import Image

    try:
        with Image.open(file) as picture:
            return picture.size
    except Exception as error:  # noqa: BLE001 - Pillow's readers raise errors of many kinds for one cause: a bad file
        raise BadModel(f"{file}: the picture cannot be read: {first_line(error)}. Mend or remove it.") from None


def _as_seen(
    rows: Labels, own: tuple[int, int], height: int, width: int, preparation: Preparation
) -> NDArray[np.float64]:
    """Rows (n, 7) in pixels of the picture, `own` wide and high, as the model sees them; not what is cropped away."""
    resized = resized_size(preparation, own, height, width)
    across, along = resized[0] / own[0], resized[1] / own[1]
    left, top = (resized[0] - width) // 2, (resized[1] - height) // 2
    seen = rows.copy()
    seen[:, [1, 3]] = np.clip(rows[:, [1, 3]] * across - left, 0, width)
    seen[:, [2, 4]] = np.clip(rows[:, [2, 4]] * along - top, 0, height)
    seen[:, 5] = rows[:, 5] * across * along
    empty = rows[:, 1:3] == rows[:, 3:5]  # as annotated: those stay, for nobody finds them
    gone = ((seen[:, 1:3] == seen[:, 3:5]) & ~empty).any(axis=1)
    kept: Labels = seen[~gone]
    return kept
