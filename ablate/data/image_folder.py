"""Read a folder of images, with a folder for each class, as a `Source`."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from ablate.data.array import Array
from ablate.data.source import Source
from ablate.errors import DataError
from ablate.system import memory_bytes, usable_cores
from ablate.text import first_of, listed, number_of, printable

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "validation": "validation",
    "valid": "validation", "val": "validation",
}  # fmt: skip
_GREY = ("1", "L", "LA")
_EIGHT_BITS = (*_GREY, "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
_TURNED = (5, 6, 7, 8)  # orientations of a camera in which height and width are exchanged
_ORIENTATION = 0x0112
_MOST_NAMED = 3
Size: TypeAlias = tuple[int, int]  # height, width
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Image:
    path: Path
    label: int
    size: Size = (0, 0)
    is_grey: bool = False


def read_images(folder: Path, image_size: Size | None, *, is_given: bool, origin: str) -> Source:
    """The images as (n, height, width, 1 or 3) uint8 with their classes, in the order of their names.

    `folder` has a folder for each class, or folders train, test and validation that have; the last is read if
    `is_given`. Images are resized to `image_size` (height, width) if it is set. Raises `DataError`.
    """
    roots = _parts(folder, origin=origin)
    notes = []
    if "validation" in roots and not is_given:
        notes.append(f'{origin}: its validation images are not used, unless data.validation is "given"')
        del roots["validation"]
    if is_given and "validation" not in roots:
        raise DataError(
            f'{origin}: data.validation is "given", but there is no folder "validation" beside "train"\n'
            "  write a share of the training examples, e.g. validation = 0.2"
        )
    classes = _classes(roots["train"], origin=origin)
    found, others = dict[str, list[_Image]](), list[Path]()
    for part, root in roots.items():
        found[part] = _images(root, classes, others, origin=origin)
    if others:
        names = first_of([printable(str(path.relative_to(folder)), 60) for path in others], _MOST_NAMED)
        notes.append(f"{origin}: not used, as they are no images: {names}")
    seen = {part: _looked_at(images, folder, origin=origin) for part, images in found.items()}
    every = [image for images in seen.values() for image in images]
    size = image_size or _common_size(every, origin=origin)
    channels = 1 if all(image.is_grey for image in every) else 3
    _check_memory(len(every), size, channels, origin=origin)
    arrays = {part: _decoded(images, size, channels, folder, origin=origin) for part, images in seen.items()}
    labels = {part: np.array([image.label for image in images], np.int32) for part, images in seen.items()}
    return Source(
        arrays["train"],
        labels["train"],
        arrays.get("test"),
        labels.get("test"),
        arrays.get("validation"),
        labels.get("validation"),
        class_names=classes,
        origin=origin,
        notes=notes,
    )


def _parts(folder: Path, *, origin: str) -> dict[str, Path]:
    """The folders of the parts, by part; the folder itself is the training part if it has none."""
    inner = _folders(folder, origin=origin)
    named = {path: _PARTS[path.name.lower()] for path in inner if path.name.lower() in _PARTS}
    # A folder without folders is a class: of vehicles, "train" is one.
    parts = {path: part for path, part in named.items() if _folders(path, origin=origin)}
    if "train" not in parts.values():
        return {"train": folder}
    for path in inner:
        if path not in parts:
            names = listed(f'"{printable(path.name, 40)}"' for path in inner[:4])
            raise DataError(
                f"{origin}: has folders of parts and other folders side by side ({names})\n"
                "  put the folders of the classes into train, test and validation"
            )
    roots: dict[str, Path] = {}
    for path, part in parts.items():
        if part in roots:
            raise DataError(f'{origin}: has two folders for {part}: "{roots[part].name}" and "{path.name}"')
        roots[part] = path
    return roots


def _folders(folder: Path, *, origin: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as err:
        raise DataError(f"{origin}: cannot be read: {err.strerror}") from err


def _classes(root: Path, *, origin: str) -> tuple[str, ...]:
    names = tuple(path.name for path in _folders(root, origin=origin))
    if len(names) < 2:
        there = f'only "{printable(names[0], 40)}"' if names else "none"
        raise DataError(
            f"{origin}: must have a folder for each class, at least two, got {there}\n"
            "  e.g. photos/cat/1.jpg, photos/dog/2.jpg; or photos/train/cat/1.jpg, photos/test/cat/2.jpg"
        )
    return names


def _images(root: Path, classes: Sequence[str], others: list[Path], *, origin: str) -> list[_Image]:
    """The images of a part by class and name; other files are added to `others`."""
    found: list[_Image] = []
    for path in _folders(root, origin=origin):
        if path.name not in classes:
            raise DataError(
                f'{origin}: class "{printable(path.name, 40)}" of "{root.name}" has no training images\n'
                f"  classes of train: {first_of([printable(name, 40) for name in classes], 8)}"
            )
        files = sorted(_files(path), key=lambda file: file.relative_to(path).as_posix())
        images = [file for file in files if file.suffix.lower() in _SUFFIXES]
        others += [file for file in files if file not in set(images)]
        if not images:
            raise DataError(
                f'{origin}: the folder "{printable(path.name, 40)}" holds no images\n'
                f"  images end in {listed(_SUFFIXES, 'or')}; remove the folder if it is no class"
            )
        found += [_Image(file, classes.index(path.name)) for file in images]
    loose = [path for path in sorted(root.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if images := [path for path in loose if path.suffix.lower() in _SUFFIXES]:
        raise DataError(
            f'{origin}: {number_of(len(images), "image")} in no folder of a class, the first is "{images[0].name}"\n'
            "  move each image into the folder of its class"
        )
    others += loose
    return found


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names if not name.startswith("."))


def _looked_at(images: Sequence[_Image], folder: Path, *, origin: str) -> list[_Image]:
    """The images with their sizes and colours, as their files say. Raises `DataError`, naming unreadable files."""
    return _each(images, _with_header, folder, origin=origin)


def _with_header(image: _Image) -> _Image:
    from PIL import Image

    with Image.open(image.path) as opened:
        if (n := getattr(opened, "n_frames", 1)) > 1:
            raise ValueError(f"has {n} frames; save each as an image")
        if opened.mode not in _EIGHT_BITS:
            raise ValueError(f"its pixels have the type {opened.mode}, not 8 bits; convert it, or save arrays as .npz")
        width, height = opened.size
        is_turned = opened.getexif().get(_ORIENTATION) in _TURNED
        size = (width, height) if is_turned else (height, width)
        return replace(image, size=size, is_grey=opened.mode in _GREY)


def _common_size(images: Sequence[_Image], *, origin: str) -> Size:
    sizes = Counter(image.size for image in images)
    if len(sizes) > 1:
        (usual, n), *_ = sizes.most_common(1)
        other = next(image for image in images if image.size != usual)
        said = (
            f"{n:,} of {len(images):,} have {_shown(usual)}, {printable(other.path.name, 60)} has {_shown(other.size)}"
        )
        raise DataError(
            f"{origin}: its images differ in size (height × width): {said}\n"
            f"  write the size to which all are resized, e.g. image_size = [{usual[0]}, {usual[1]}]"
        )
    return next(iter(sizes))


def _check_memory(n: int, size: Size, channels: int, *, origin: str) -> None:
    memory, total = memory_bytes(), n * size[0] * size[1] * channels
    if memory and total > memory // 2:
        raise DataError(
            f"{origin}: {n:,} images of {_shown(size)} × {channels} take {total:,} bytes, more than half of this "
            "machine's memory\n  write a smaller image_size, or return a numpy.memmap of the pixels from a function, "
            'as data.name = "my.py:load"'
        )


def _decoded(images: Sequence[_Image], size: Size, channels: int, folder: Path, *, origin: str) -> Array:
    """(n, height, width, channels) uint8; transparency is dropped."""
    pixels = np.empty((len(images), *size, channels), np.uint8)
    place = {image.path: k for k, image in enumerate(images)}

    def decode(image: _Image) -> None:
        from PIL import Image, ImageOps

        with Image.open(image.path) as opened:
            shown = ImageOps.exif_transpose(opened).convert("L" if channels == 1 else "RGB")
            if shown.size != size[::-1]:
                shown = shown.resize(size[::-1], Image.Resampling.BILINEAR)
            pixels[place[image.path]] = np.asarray(shown, np.uint8).reshape(*size, channels)

    _each(images, decode, folder, origin=origin)
    return pixels


def _each(images: Sequence[_Image], work: Callable[[_Image], T], folder: Path, *, origin: str) -> list[T]:
    """Do the work for every image, in threads, and name the files for which it fails."""
    failed: list[str] = []

    def tried(image: _Image) -> list[T]:
        try:
            return [work(image)]
        except Exception as err:  # a damaged file raises a dozen kinds of errors
            name = printable(image.path.relative_to(folder).as_posix(), 80)
            failed.append(f"{name} ({printable(str(err).partition(chr(10))[0].replace(str(folder), '…'), 100)})")
            return []

    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(usable_cores()) as pool:
        done = [one for some in pool.map(tried, images) for one in some]
    if failed:
        raise DataError(
            f"{origin}: {number_of(len(failed), 'image')} cannot be read: {first_of(sorted(failed), _MOST_NAMED)}\n"
            "  repair or remove these files"
        )
    return done


def _shown(size: Size) -> str:
    return f"{size[0]} × {size[1]}"
