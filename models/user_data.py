"""What `--data` names, for each task: which files, and what is known of them.

Classes are subfolders, labelled by their position in sorted order, as torchvision's ImageFolder numbers them; people
come in a list of pairs, boxes in COCO's annotations; files that nothing is known of are all files of a folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.models.user_coco import check_detector, read_annotations, whole_picture_unless_said
from bench.models.user_files import PICTURE_SUFFIXES, BadModel, UserFiles, one_input, open_files, suffixes
from bench.models.user_pairs import read_pairs
from bench.records.preparation import Preparation
from bench.tasks import DETECT, VERIFY

_PER_CLASS = "`--data` needs a folder with one subfolder of files per class"


class UserData(msgspec.Struct, frozen=True, kw_only=True):
    """Files and their labels as the task's measure takes them, (count, …); None where nothing is known of them.

    They come in groups of `group` that stand together.
    """

    files: UserFiles
    count: int
    labels: NDArray[np.generic] | None
    group: int = 1


def open_data(
    data: Path, task: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], preparation: Preparation
) -> UserData:
    """What `data` holds for a model with these tensors. Raises BadModel."""
    if task == VERIFY.name:
        pairs, labels = read_pairs(data)
        return UserData(files=open_files(pairs, inputs, preparation), count=len(pairs), labels=labels, group=2)
    if task == DETECT.name:
        return _detected(data, inputs, outputs, preparation)
    _check_folder(data, _PER_CLASS)
    one_input(inputs, preparation)
    found, classes = _labelled(data, suffixes(preparation), outputs)
    return UserData(files=open_files(found, inputs, preparation), count=len(found), labels=classes)


def _detected(data: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor], preparation: Preparation) -> UserData:
    (tensor,) = one_input(inputs, preparation)
    how = whole_picture_unless_said(preparation, tensor)
    open_files([], inputs, how)  # a model that takes no pictures is told before any file is looked for
    files, boxes = read_annotations(data, check_detector(outputs), tensor, how)
    return UserData(files=open_files(files, inputs, how), count=len(files), labels=boxes)


def open_unlabelled(folder: Path, inputs: Sequence[Tensor], preparation: Preparation) -> UserData:
    """All files of a folder and of those in it, sorted. Raises BadModel."""
    _check_folder(folder, "`--agreement` needs a folder of files")
    kinds = suffixes(preparation)
    found = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in kinds and file.is_file()]
    if not found:
        raise BadModel(f"{folder}: no {_what(kinds)} found; expected files of {' '.join(sorted(kinds))}.")
    return UserData(files=open_files(found, inputs, preparation), count=len(found), labels=None)


def _check_folder(folder: Path, needs: str) -> None:
    if not folder.is_dir():
        raise BadModel(f"{folder}: {'is a file' if folder.exists() else 'does not exist'}; {needs}.")


def _what(kinds: frozenset[str]) -> str:
    return "pictures" if kinds is PICTURE_SUFFIXES else "sounds"


def _labelled(folder: Path, kinds: frozenset[str], outputs: Sequence[Tensor]) -> tuple[list[Path], NDArray[np.int64]]:
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    files = [
        (file, label)
        for label, entry in enumerate(classes)
        for file in sorted(entry.rglob("*"))
        if file.suffix.lower() in kinds and file.is_file()
    ]
    if not files:
        what, ends = _what(kinds), " ".join(sorted(kinds))
        raise BadModel(f"{folder}: no {what} found; expected one subfolder per class with files of {ends}.")
    answers = int(np.prod(outputs[0].shape, dtype=np.int64))
    if len(classes) != answers:
        raise BadModel(
            f"{folder}: {len(classes)} class folders, and the model answers with {answers} scores; they are matched "
            "in sorted order, so that each class needs a folder, an empty one where there are no files."
        )
    return [file for file, _ in files], np.array([label for _, label in files], np.int64)
