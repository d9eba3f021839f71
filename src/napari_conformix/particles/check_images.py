"""Checks of the stacks: all their headers, and a sample of their images."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles.images import ImageReader
from napari_conformix.particles.mrc import MrcHeader, read_mrc_header
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.problems import Problem, named_rows

#: pixel sizes that differ by less are one
PIXEL_TOLERANCE = 0.01


def check_stacks(particles: ParticleSet) -> tuple[list[Problem], npt.NDArray[np.bool_]]:
    """Look at every stack's header once.

    Returns the problems, and which particles (n,) have an image that can be read.
    """
    problems: list[Problem] = []
    readable = np.ones(len(particles), bool)
    used = np.unique(particles.stack_index)
    missing = [int(k) for k in used if not particles.stacks[k].is_file()]
    if missing:
        lost = np.isin(particles.stack_index, missing)
        readable &= ~lost
        problems.append(_missing(particles, missing, np.flatnonzero(lost).tolist(), len(used)))
    order = np.argsort(particles.stack_index, kind="stable")
    bounds = np.searchsorted(particles.stack_index[order], used, side="right")
    header_sizes: dict[str, list[str]] = defaultdict(list)
    for k, begin, end in zip(used.tolist(), [0, *bounds[:-1]], bounds, strict=True):
        if k in missing:
            continue
        rows = order[begin:end]
        try:
            header = read_mrc_header(particles.stacks[k])
        except UserError as error:
            readable[rows] = False
            problems.append(Problem("error", str(error), str(particles.stacks[k]), tuple(rows)))
            continue
        problems += _indices(particles, header, rows, readable)
        problems += _shape(particles, header, int(rows[0]))
        group = particles.optics[particles.optics_index[rows[0]]]
        if _disagrees(header.pixel_size_angstrom, group.pixel_size_angstrom):
            wrong = f"{header.pixel_size_angstrom:g} A, not {group.pixel_size_angstrom:g} A"
            header_sizes[wrong].append(str(header.path))
    problems += [_header_note(wrong, paths) for wrong, paths in header_sizes.items()]
    return problems, readable


def _missing(particles: ParticleSet, missing: list[int], rows: list[int], stacks: int) -> Problem:
    names = ", ".join(str(particles.stacks[k]) for k in missing[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return Problem(
        "error",
        f"{len(missing)} of {stacks} stacks are missing: {names}{more} ({len(rows)} particles, "
        f"first {named_rows(rows[:1])}). Set datadir to the folder that holds them.",
        str(particles.source.path),
        tuple(rows),
    )


def _indices(
    particles: ParticleSet,
    header: MrcHeader,
    rows: npt.NDArray[np.intp],
    readable: npt.NDArray[np.bool_],
) -> Iterator[Problem]:
    """Rows that ask for images that the stack has not, or has lost."""
    image = particles.image_index[rows]
    beyond = np.sort(rows[(image >= header.images) | (image < 0)])
    lost = np.sort(rows[(image >= header.complete_images) & (image < header.images)])
    readable[beyond] = readable[lost] = False
    where = str(particles.source.path)
    if len(beyond):
        first = int(beyond[0])
        message = (
            f"{header.path} holds {header.images} images, but {named_rows(beyond.tolist())} ask "
            f"for others (row {first + 1} for image {particles.image_index[first] + 1}); "
            "use the stack that belongs to this file."
        )
        yield Problem("error", message, where, tuple(beyond.tolist()))
    if len(lost):
        message = (
            f"{header.path} is cut short: {header.complete_images} of its {header.images} images "
            f"are whole, and {named_rows(lost.tolist())} ask for images beyond. Copy it again."
        )
        yield Problem("error", message, where, tuple(lost.tolist()))
    elif header.truncated:
        message = f"{header.path} is cut short, beyond the images that are used."
        yield Problem("warning", message, where)


def _shape(particles: ParticleSet, header: MrcHeader, row: int) -> Iterator[Problem]:
    where = f"{particles.source.path}, row {row + 1}, {header.path}"
    if header.width != header.height:
        message = f"The images are {header.width} x {header.height} pixels; they must be square."
        yield Problem("error", message, where)
        return
    group = particles.optics[particles.optics_index[row]]
    if group.box and group.box != header.width:
        message = (
            f"The images' box is {header.width}, but optics group {group.number} says {group.box}; "
            "correct rlnImageSize or use the stack that belongs to this file."
        )
        yield Problem("error", message, where)
    elif not group.box and header.width % 2:
        message = f"The images' box is {header.width}, an odd number; rescale them to an even one."
        yield Problem("error", message, where)


def _disagrees(header: float, file: float) -> bool:
    """True when a header that has a pixel size has another one than the particle file."""
    return header > 0 and not np.isclose(header, file, rtol=PIXEL_TOLERANCE)


def _header_note(wrong: str, paths: list[str]) -> Problem:
    what = paths[0] if len(paths) == 1 else f"{len(paths)} stacks, among them {paths[0]},"
    return Problem(
        "note",
        f"The header of {what} says the pixels are {wrong} as the particle file says; the "
        "particle file is believed.",
        paths[0],
    )


def check_sample(
    particles: ParticleSet, readable: npt.NDArray[np.bool_], sample: int, seed: int
) -> Iterator[Problem]:
    """Read a random sample of images and look for NaN and for images without contrast."""
    candidates = np.flatnonzero(readable)
    if not len(candidates):
        return
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(candidates)[:sample])
    reader = ImageReader(particles)
    broken, constant = [], []
    for row in rows.tolist():
        try:
            image = reader.read([row])[0]
        except UserError as error:
            yield Problem("error", str(error), str(particles.source.path), (row,))
            continue
        if not np.isfinite(image).all():
            broken.append(row)
        elif image.size and image.min() == image.max():
            constant.append(row)
    reader.close()
    seen = "all images" if len(rows) == len(particles) else f"a sample of {len(rows)} images"
    cure = "extract the particles again, or leave these rows out."
    for bad, what in ((broken, "NaN or infinite pixels"), (constant, "one grey value only")):
        if bad:
            message = f"In {seen}, {len(bad)} have {what} ({named_rows(bad)}); {cure}"
            yield Problem("error", message, str(particles.source.path), tuple(bad))
