"""An upload of images in folders."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem, SpecError
from engine.core.sample import SampleSpec
from engine.data.archive import Archive, Limits
from engine.data.dataset import Split, SplitName, datasets
from engine.data.folders import Listing, list_images
from engine.data.images import decode, fitted
from engine.data.malformed import MalformedFile
from engine.data.pixels import Pixels
from engine.data.splitting import constants
from engine.data.store import DataStore
from engine.data.upload import Upload, UploadInfo, verify

DEFAULT_SIZE = 64
"""Pixels along an edge to which images of different sizes are brought."""

MOST_PROBLEMS = 20
"""Bad images that are told one by one; looking through stops there."""


@datasets.register
class ImageFolder(Upload):
    """Your own images: a zip archive of the folders ``train/<class>`` and ``test/<class>``, or of one folder per class.

    PNG, JPEG and BMP, gray or color; if any image is in color, all are. Without the two split folders every fifth image
    in the order of classes is for testing. Pixels are scaled to 0..1 and standardized per channel by mean and standard
    deviation of the training images, each image counting alike.
    """

    source: ClassVar[str] = "ISO/IEC 15948 (PNG), ITU-T T.81 (JPEG); PKWARE APPNOTE.TXT (zip)"
    kind: Literal["image_folder"] = "image_folder"

    size: int | None = Field(default=None, ge=8, le=512)
    """Pixels along an edge: images are scaled until the shorter edge has so many, and the middle is cut out.

    Empty for the images' own size if they all have one, else 64."""

    @classmethod
    @override
    def examine(cls, path: Path, limits: Limits) -> UploadInfo:
        with Archive(path, limits) as archive:
            listing = list_images(archive.names, limits.classes)
            survey = _Survey(archive, listing, limits)
        mean, std = survey.constants()
        return UploadInfo(
            kind="image_folder",
            version=cls.decoding,
            sample=SampleSpec(kind="image", shape=survey.shape(), num_classes=len(listing.classes)),
            num_train=len(listing.train),
            num_test=len(listing.test),
            classes=listing.classes,
            size_bytes=path.stat().st_size,
            mean=mean,
            std=std,
            remarks=survey.remarks(archive.num_ignored + listing.num_ignored),
        )

    @override
    def sample(self) -> SampleSpec:
        return self._sample(self.info())

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        path, info = store.artifact(self.sha256), self.info(store)
        verify(path, self.sha256)
        shape = self._sample(info).shape
        with Archive(path) as archive:
            listing = list_images(archive.names, Limits().classes)
            images = listing.train if split == "train" else listing.test
            pixels = np.empty((len(images), *shape), dtype=np.uint8)
            for place, (name, _) in enumerate(images):
                image = decode(archive.read(name))
                pixels[place] = image if image.shape[1:] == shape[1:] else fitted(image, shape[1])
        labels = np.array([label for _, label in images], dtype=np.int64)
        return Split(Pixels(info.mean, info.std).standardized(pixels), labels)

    @override
    def pixels(self) -> Pixels:
        info = self.info()
        return Pixels(info.mean, info.std)

    def _sample(self, info: UploadInfo) -> SampleSpec:
        shape = info.sample.shape if self.size is None else (info.sample.shape[0], self.size, self.size)
        return info.sample.model_copy(update={"shape": shape})


class _Survey:
    """What all images of an archive have in common; every one is decoded, since a damaged one must not end a run.

    Raises:
        SpecError: images are damaged or too large; as many reasons as there are, up to a limit.
    """

    def __init__(self, archive: Archive, listing: Listing, limits: Limits) -> None:
        self._sizes: set[tuple[int, int]] = set()
        self._is_color = False
        self._moments: list[np.ndarray] = []
        problems: list[Problem] = []
        num_pixels = 0
        images = [*((name, True) for name, _ in listing.train), *((name, False) for name, _ in listing.test)]
        for name, is_training in images:
            try:
                pixels = decode(archive.read(name), most_side=limits.side)
            except MalformedFile as error:
                problems.append(Problem(name[:200], "bad_image", f"{name[:200]}: {error}."))
                if len(problems) == MOST_PROBLEMS:
                    break
                continue
            num_pixels += pixels[0].size
            if num_pixels > limits.pixels:
                problems.append(Problem("", "too_large", f"The images have more than {limits.pixels} pixels together."))
                break
            self._note(pixels, is_training=is_training)
        if problems:
            raise SpecError(problems)

    def _note(self, pixels: np.ndarray, *, is_training: bool) -> None:
        self._sizes.add((pixels.shape[1], pixels.shape[2]))
        self._is_color = self._is_color or len(pixels) == 3
        if is_training:
            scaled = pixels.reshape(len(pixels), -1) / 255
            moments = np.stack([scaled.mean(axis=1), (scaled**2).mean(axis=1)])
            self._moments.append(np.broadcast_to(moments, (2, 3)))

    def shape(self) -> tuple[int, int, int]:
        """Shape of a sample: the images' own if they all have one."""
        height, width = next(iter(self._sizes)) if len(self._sizes) == 1 else (DEFAULT_SIZE, DEFAULT_SIZE)
        return (3 if self._is_color else 1, height, width)

    def constants(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation per channel of the training pixels, scaled to 0..1."""
        mean, square = np.mean(self._moments, axis=0)[:, : self.shape()[0]]
        return constants(mean, square - mean**2)

    def remarks(self, num_ignored: int) -> tuple[str, ...]:
        """What the user should know."""
        made = [f"{num_ignored} files that are no images are passed over."] if num_ignored else []
        if len(self._sizes) > 1:
            low, high = (f"{width}x{height}" for height, width in (min(self._sizes), max(self._sizes)))
            made.append(
                f"The images have {len(self._sizes)} sizes ({low} to {high}); they are brought to "
                f"{DEFAULT_SIZE}x{DEFAULT_SIZE} unless size says otherwise."
            )
        return tuple(made)
