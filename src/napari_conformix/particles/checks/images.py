"""Checks of the stacks: all their headers, and a sample of their images."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from napari_conformix.errors import UserError
from napari_conformix.particles.images import ImageReader
from napari_conformix.particles.mrc import MrcHeader, read_mrc_header
from napari_conformix.particles.optics import OpticsGroup
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.problems import Problem, Severity, named_rows

#: pixel sizes that differ by less are one
PIXEL_TOLERANCE = 0.01
#: stacks with faults of their own that are named one by one
MOST_FAULTS = 10


def check_stacks(particles: ParticleSet) -> tuple[list[Problem], npt.NDArray[np.bool_]]:
    """Look at every stack's header once.

    Returns the problems, and which particles (n,) have an image that can be read.
    """
    problems: list[Problem] = []
    readable = np.ones(len(particles), bool)
    used = np.unique(particles.stack_index)
    missing = [k for k in used.tolist() if not particles.stacks[k].is_file()]
    if missing:
        lost = np.isin(particles.stack_index, missing)
        readable &= ~lost
        problems.append(_missing(particles, missing, np.flatnonzero(lost).tolist(), len(used)))
    absent = set(missing)
    order = np.argsort(particles.stack_index, kind="stable")
    bounds = np.searchsorted(particles.stack_index[order], used, side="right")
    faults: list[Problem] = []
    shapes: dict[tuple[int, str], list[str]] = defaultdict(list)
    header_sizes: dict[str, list[str]] = defaultdict(list)
    for k, begin, end in zip(used.tolist(), [0, *bounds[:-1]], bounds, strict=True):
        if k in absent:
            continue
        rows = order[begin:end]
        try:
            header = read_mrc_header(particles.stacks[k])
        except UserError as error:
            readable[rows] = False
            rows = np.sort(rows)
            where = str(particles.source.path)
            faults.append(Problem("error", str(error), where, tuple(rows.tolist())))
            continue
        faults += _indices(particles, header, rows, readable)
        group = particles.optics[particles.optics_index[rows[0]]]
        if header.width != header.height:
            readable[rows] = False
        for fault in _shape(header, group):
            shapes[group.number, fault].append(str(header.path))
        if _disagrees(header.pixel_size_angstrom, group.pixel_size_angstrom):
            wrong = f"{header.pixel_size_angstrom:g} A, not {group.pixel_size_angstrom:g} A"
            header_sizes[wrong].append(str(header.path))
    problems += _first(faults)
    problems += [_shape_problem(*key, paths) for key, paths in shapes.items()]
    problems += [_header_note(wrong, paths) for wrong, paths in header_sizes.items()]
    return problems, readable


def _missing(particles: ParticleSet, missing: list[int], rows: list[int], stacks: int) -> Problem:
    names = ", ".join(str(particles.stacks[k]) for k in missing[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return Problem(
        "error",
        f"{len(missing)} of {stacks} stacks are missing: {names}{more} ({len(rows)} particles, "
        f"first {named_rows(rows[:1])}). Give the folder that holds them as data folder "
        "(--datadir).",
        str(particles.source.path),
        tuple(rows),
    )


def _first(faults: list[Problem]) -> list[Problem]:
    """A few of the faults, and how many more there are."""
    if len(faults) <= MOST_FAULTS:
        return faults
    rest = faults[MOST_FAULTS - 1 :]
    severity: Severity = "error" if any(p.severity == "error" for p in rest) else "warning"
    rows = tuple(sorted({row for p in rest for row in p.rows}))
    message = f"{len(rest)} more stacks have such faults ({len(rows)} particles)."
    return [*faults[: MOST_FAULTS - 1], Problem(severity, message, rest[0].where, rows)]


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


def _shape(header: MrcHeader, group: OpticsGroup) -> Iterator[str]:
    """Sentences about images that are not as the file says, or cannot be used."""
    if header.width != header.height:
        yield f"The images are {header.width} x {header.height} pixels; they must be square."
    elif group.box and group.box != header.width:
        yield (
            f"The images' box is {header.width}, but optics group {group.number} says {group.box}; "
            "correct rlnImageSize or use the stack that belongs to this file."
        )
    elif not group.box and header.width % 2:
        yield f"The images' box is {header.width}, an odd number; rescale them to an even one."


def _shape_problem(group: int, message: str, paths: list[str]) -> Problem:
    more = f" and {len(paths) - 1} more stacks" if len(paths) > 1 else ""
    return Problem("error", message, f"optics group {group}, {paths[0]}{more}")


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
