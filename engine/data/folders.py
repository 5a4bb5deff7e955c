"""Folders of images as classes: which file of an archive is a sample of what."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from engine.data.archive import named
from engine.data.malformed import refused
from engine.data.splitting import check_classes, held_out

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp"}
SPLITS = {"train", "test"}


@dataclass(frozen=True)
class Listing:
    """The images of an archive by split, in the order of classes and names.

    Attributes:
        classes: names of the classes, sorted; a label is a place in it.
        train: path and label of each training image.
        test: path and label of each image held out.
        num_ignored: files that are no images.
    """

    classes: tuple[str, ...]
    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]
    num_ignored: int


def list_images(names: Sequence[str], most_classes: int) -> Listing:
    """Read splits and classes off the paths of files: ``train/<class>/...`` and ``test/...``, or ``<class>/...``.

    Folders around all of them are passed over. Without the two split folders every fifth image is held out.

    Raises:
        SpecError: the folders are not of that form; all reasons at once.
    """
    images = [name for name in names if PurePosixPath(name).suffix.lower() in ENDINGS]
    if not images:
        raise refused("no_images", f"The archive has no image; images end in {', '.join(sorted(ENDINGS))}.")
    paths = _without_common_folders([PurePosixPath(name).parts for name in images])
    if loose := [name for name, parts in zip(images, paths, strict=True) if len(parts) < 2]:
        raise refused("no_class", f"An image lies in a folder named as its class; {named(loose)} lie in none.")
    tops = {parts[0] for parts in paths}
    has_splits = bool(tops & SPLITS) and len(tops) > 1
    if has_splits and tops != SPLITS:
        message = f"Beside the folders train and test there may be no other; given are {', '.join(sorted(tops))}."
        raise refused("unknown_split", message)
    if has_splits and any(len(parts) < 3 for parts in paths):
        raise refused("no_class", "In train and test an image lies in a folder named as its class.")
    classes = tuple(sorted({parts[1 if has_splits else 0] for parts in paths}))
    label_of = {name: label for label, name in enumerate(classes)}
    labels = np.array([label_of[parts[1 if has_splits else 0]] for parts in paths])
    is_test = np.array([parts[0] == "test" for parts in paths]) if has_splits else held_out(labels)
    check_classes(classes, labels, is_test, most_classes)
    order = np.argsort(labels, kind="stable")
    train, test = (
        tuple((images[place], int(labels[place])) for place in order if is_test[place] == wanted)
        for wanted in (False, True)
    )
    return Listing(classes, train, test, len(names) - len(images))


def _without_common_folders(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Drop the first folder as long as it is the same of all paths and a folder for the class is left."""
    while len({parts[0] for parts in paths}) == 1 and all(len(parts) > 2 for parts in paths):
        paths = [parts[1:] for parts in paths]
    return paths
