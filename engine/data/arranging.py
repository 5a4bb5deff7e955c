"""Uploaded arrays put in order: which is a sample of what, and of which split."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.core.errors import Problem, SpecError
from engine.core.sample import SampleSpec
from engine.data.archive import Limits, named
from engine.data.malformed import refused
from engine.data.splitting import check_classes, held_out

FORMS = "(N, F) features, (N, T, F) sequences, (N, H, W) images of 8-bit pixels, (N, H, W, C) or (N, C, H, W) images"
LARGEST = 1e30
"""Size of a value from which on float32 and its squares are in danger."""

WHOLE, TRAIN, TEST = ("x", "y"), ("x_train", "y_train"), ("x_test", "y_test")
OPTIONAL = {"users", "split", "users_train", "users_test"}
ALLOWED = {*WHOLE, *TRAIN, *TEST, *OPTIONAL}


@dataclass(frozen=True)
class Arranged:
    """The samples of an upload, all splits in one.

    Attributes:
        sample: shape and meaning of a sample.
        classes: names of the classes; a label is a place in it.
        x: (N, *sample.shape) as uploaded, not yet standardized; pixels of 8 bits are not yet scaled.
        y: (N,) int64 labels.
        is_test: (N,) which samples are held out.
        owners: (N,) int64, or None.
    """

    sample: SampleSpec
    classes: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    is_test: np.ndarray
    owners: np.ndarray | None

    @property
    def scale(self) -> float:
        """What values are divided by: 255 for pixels of 8 bits."""
        return 255.0 if self.sample.kind == "image" and self.x.dtype == np.uint8 else 1.0


def arrange(arrays: Mapping[str, np.ndarray], limits: Limits) -> Arranged:
    """Put arrays in order, either ``x`` and ``y``, or ``x_train, y_train, x_test, y_test``.

    ``users`` (or ``users_train`` and ``users_test``) tells whose sample each one is; ``split`` beside ``x`` holds the
    words ``train`` and ``test``. Without a split every fifth sample in the order of classes is held out.

    Raises:
        SpecError: arrays are missing, or do not fit together; all reasons at once.
    """
    joined = _joined(arrays)
    if problems := [*_sizes(joined, limits), *_labels(joined["y"]), *_values(joined["x"])]:
        raise SpecError(problems)
    names, y = np.unique(_whole(joined["y"]), return_inverse=True)
    x, sample = _formed(joined["x"], len(names))
    is_test = joined["split"] == "test" if "split" in joined else held_out(y)
    check_classes(list(map(str, names)), y, is_test, limits.classes)
    owners = np.unique(joined["users"], return_inverse=True)[1].astype(np.int64) if "users" in joined else None
    return Arranged(sample, tuple(map(str, names)), x, y.astype(np.int64), is_test, owners)


def _joined(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays ``x``, ``y`` and, where told, ``split`` and ``users``, of all samples."""
    if unknown := sorted(set(arrays) - ALLOWED):
        raise refused("unknown_array", f"{named(unknown)} are not known; allowed are {', '.join(sorted(ALLOWED))}.")
    if set(WHOLE) <= set(arrays) and not set(arrays) & {*TRAIN, *TEST, "users_train", "users_test"}:
        return dict(arrays)
    if not {*TRAIN, *TEST} <= set(arrays) or set(arrays) & {*WHOLE, "users", "split"}:
        message = "Needed are x and y, or x_train, y_train, x_test and y_test"
        raise refused("missing_array", f"{message}; given are {', '.join(sorted(arrays)) or 'none'}.")
    if ("users_train" in arrays) != ("users_test" in arrays):
        raise refused("missing_array", "users_train and users_test are needed both, or none of them.")
    joined = {"split": np.repeat(["train", "test"], [_rows(arrays["y_train"]), _rows(arrays["y_test"])])}
    for name in ("x", "y", "users"):
        if f"{name}_train" in arrays:
            try:
                joined[name] = np.concatenate([arrays[f"{name}_train"], arrays[f"{name}_test"]])
            except (ValueError, TypeError) as error:
                raise refused("shapes", f"{name}_train and {name}_test do not fit together: {error}.") from error
    return joined


def _rows(array: np.ndarray) -> int:
    return len(array) if array.ndim else 0


def _sizes(arrays: Mapping[str, np.ndarray], limits: Limits) -> list[Problem]:
    x, problems = arrays["x"], []
    if x.size > limits.values or x.size == 0:
        message = f"x has the shape {x.shape}; allowed are 1 to {limits.values} numbers."
        problems.append(Problem("x", "size", message))
    for name, array in arrays.items():
        if name != "x" and array.shape not in ((_rows(x),), (_rows(x), 1)):
            message = f"{name} has the shape {array.shape}; it needs one entry for each of the {_rows(x)} samples of x."
            problems.append(Problem(name, "shapes", message))
        if name in ("users", "split") and array.dtype.kind not in "iuU":
            problems.append(
                Problem(name, "type", f"{name} has elements of the type {array.dtype}; allowed are numbers.")
            )
    if "split" in arrays and not problems and not np.isin(arrays["split"], ["train", "test"]).all():
        problems.append(Problem("split", "type", "split holds the words train and test only."))
    return problems


def _labels(y: np.ndarray) -> list[Problem]:
    whole = y.dtype.kind in "biuU" or (y.dtype.kind == "f" and np.isfinite(y).all() and bool((y == np.rint(y)).all()))
    return [] if whole else [Problem("y", "type", "y holds labels: whole numbers or texts.")]


def _values(x: np.ndarray) -> list[Problem]:
    if x.dtype.kind not in "biuf":
        return [Problem("x", "type", f"x has elements of the type {x.dtype}; allowed are numbers.")]
    if x.dtype.kind == "f" and x.size and not float(np.abs(x).max()) < LARGEST:
        return [Problem("x", "not_finite", f"x has values that are infinite, no numbers, or beyond {LARGEST}.")]
    if _form(x) is None:
        return [Problem("x", "shapes", f"x has the shape {x.shape}; allowed are {FORMS}.")]
    return []


def _form(x: np.ndarray) -> str | None:
    """What samples of that shape are: a kind of sample, with ``image_last`` for images whose channels come last."""
    match x.ndim:
        case 2:
            return "features"
        case 3:
            return "image" if x.dtype == np.uint8 else "sequence"
        case 4 if x.shape[-1] in (1, 3):
            return "image_last"
        case 4 if x.shape[1] in (1, 3):
            return "image"
    return None


def _formed(x: np.ndarray, num_classes: int) -> tuple[np.ndarray, SampleSpec]:
    match _form(x):
        case "features":
            return x, SampleSpec(kind="features", shape=x.shape[1:], num_classes=num_classes)
        case "sequence":
            return x, SampleSpec(kind="sequence", shape=x.shape[1:], num_classes=num_classes)
        case "image_last":
            x = x.transpose(0, 3, 1, 2)
    x = x if x.ndim == 4 else x[:, np.newaxis]
    return x, SampleSpec(kind="image", shape=x.shape[1:], num_classes=num_classes)


def _whole(y: np.ndarray) -> np.ndarray:
    """Labels as numbers where they are, so that 10 comes after 9; texts of digits alone count as numbers."""
    flat = y.reshape(-1)
    if flat.dtype.kind == "U":
        short = all(len(text) <= 9 and text.isascii() and text.isdigit() for text in np.unique(flat).tolist())
        return flat.astype(np.int64) if short else flat
    return np.rint(flat).astype(np.int64) if flat.dtype.kind == "f" else flat
