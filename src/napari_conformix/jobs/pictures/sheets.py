"""Pictures of particles as files, and what a sheet of them says."""

from pathlib import Path

import numpy as np

from napari_conformix.errors import UserError
from napari_conformix.export.formats import PICTURE_FILES, PictureFormat
from napari_conformix.export.picture_sheet import Entry, write_sheet, write_stack
from napari_conformix.jobs.pictures.pictures import letter
from napari_conformix.jobs.pictures.shown import Facts, Pictures


def write_pictures(pictures: Pictures, path: Path, *, overwrite: bool = False) -> Path:
    """Write a sheet to look at, or a stack for other programs (image, projection, image, ...; in
    standard deviations of the images' background), as the format of `PICTURE_FILES` is. UserError
    on another ending, or when the file is there and not to be replaced."""
    if refuse_unwritable(path, overwrite=overwrite).content == "sheet":
        return write_sheet(path, sheet_entries(pictures), sheet_heading(pictures))
    stack = pictures.images
    if pictures.projections is not None:
        both = np.stack([stack, np.nan_to_num(pictures.projections)], axis=1)
        stack = both.reshape(-1, *both.shape[-2:])
    return write_stack(path, stack, pictures.raw.pixel_size_angstrom)


def refuse_unwritable(path: Path, *, overwrite: bool = False) -> PictureFormat:
    """The format by the suffix; UserError as :func:`write_pictures`, before anything is read."""
    kind = PICTURE_FILES.of(path)
    if kind is None:
        raise UserError(f"{path.name} must end with {PICTURE_FILES.suffixes}.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"There is no folder {path.parent} to write {path.name} to.")
    if path.exists() and not overwrite:
        raise UserError(
            f"{path} exists; choose another name, or ask to overwrite it (--overwrite)."
        )
    return kind


def facts_in_words(facts: Facts) -> str:
    """'particle 393, half 2, held out, defocus 2.23 um'."""
    words = [f"particle {facts.row}"]
    words += [f"half {facts.half}"] if facts.half else []
    words += ["held out"] if facts.held_out else []
    if np.isfinite(facts.defocus_angstrom):
        words.append(f"defocus {facts.defocus_angstrom / 1e4:.2f} um")
    return ", ".join(words)


def sheet_entries(pictures: Pictures) -> list[Entry]:
    """One for each particle: its image, its projection where there is one, and what is known."""
    images = pictures.grey(pictures.images)
    beside = None if pictures.projections is None else pictures.grey(pictures.projections)
    return [
        Entry(
            letter(i),
            [images[i]] if beside is None else [images[i], beside[i]],
            [facts_in_words(facts), facts.image, *_correlation(pictures, i)],
        )
        for i, facts in enumerate(pictures.facts)
    ]


def sheet_heading(pictures: Pictures) -> list[str]:
    """What is to the left and right, on which scale, and what the numbers say."""
    what = "Left: image. Right: projection of its decoded state in the same pose, at its shift"
    if pictures.projections is None:
        what = "Images"
    elif pictures.options.projection_ctf:
        what += ", with its CTF"
    protein = "black" if pictures.options.black else "white"
    scale = (
        f"{what}; {pictures.filter_words}. Protein is {protein}. Grey from -{pictures.limit:.2g} "
        f"to +{pictures.limit:.2g} standard deviations of the images' background before the "
        "filter, the same for all."
    )
    return [scale, *pictures.sentences()]


def _correlation(pictures: Pictures, index: int) -> list[str]:
    caption = pictures.caption(index)
    return [f"correlation {caption}"] if caption else []
