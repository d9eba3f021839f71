"""Checks of what the particle file says, without looking at an image."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_conformix.particles.optics import OpticsGroup
from napari_conformix.particles.particle_set import ParticleSet
from napari_conformix.particles.problems import Problem, Severity, named_rows
from napari_conformix.particles.star import StarFile

#: halves whose sizes differ by more than this share of the smaller one are worth a warning
UNEQUAL_HALVES = 0.05
#: fewer particles than this rarely show heterogeneity
FEW_PARTICLES = 1000


def check_values(particles: ParticleSet) -> Iterator[Problem]:
    """Poses, shifts, CTF, optics groups, half sets, duplicates."""
    yield from particles.source.notes
    if len(particles) == 0:
        yield Problem("error", "The file holds no particles.", str(particles.source.path))
        return
    if len(particles) < FEW_PARTICLES:
        yield Problem(
            "warning", f"There are only {len(particles)} particles; motion needs thousands."
        )
    yield from _poses(particles)
    yield from _ctf(particles)
    yield from _optics(particles)
    yield from _declared(particles)
    yield from _halves(particles)
    yield from _duplicates(particles)


def _found(
    particles: ParticleSet, bad: npt.ArrayLike, severity: Severity, what: str, cure: str
) -> Iterator[Problem]:
    rows = np.flatnonzero(bad).tolist()
    if rows:
        some = f"All {len(rows)}" if len(rows) == len(particles) else str(len(rows))
        message = f"{some} particles {what} ({named_rows(rows)}); {cure}"
        yield Problem(severity, message, str(particles.source.path), tuple(rows))


def _poses(particles: ParticleSet) -> Iterator[Problem]:
    cryosparc = particles.source.format == "cryosparc"
    columns = "alignments3D/pose" if cryosparc else "rlnAngleRot, rlnAngleTilt, rlnAnglePsi"
    unknown = np.isnan(particles.rotation).any(axis=(1, 2))
    refine = f"give the particle file of a 3-D refinement, which has {columns}."
    yield from _found(particles, unknown, "error", "have no pose", refine)
    shift = particles.shift_angstrom
    adrift = ~np.isfinite(shift).all(axis=1)
    yield from _found(particles, adrift, "error", "have no finite shift", "correct the origins.")
    extents = np.array([g.box * g.pixel_size_angstrom for g in particles.optics])
    extent = extents[particles.optics_index]
    far = ~adrift & (extent > 0) & (np.abs(shift).max(axis=1) > extent / 2)
    away = "are shifted by more than half their box"
    yield from _found(particles, far, "warning", away, "check the origins and the pixel size.")


def _ctf(particles: ParticleSet) -> Iterator[Problem]:
    u, v = particles.defocus_u_angstrom, particles.defocus_v_angstrom
    refine = "give a particle file with CTF parameters (rlnDefocusU, rlnDefocusV or ctf/df1_A)."
    absent = ~(np.isfinite(u) & np.isfinite(v))
    yield from _found(particles, absent, "error", "have no defocus", refine)
    strange = ~absent & ((np.minimum(u, v) < 100) | (np.maximum(u, v) > 200_000))
    outside = "have a defocus outside 0.01 to 20 micrometres (underfocus is positive)"
    yield from _found(particles, strange, "warning", outside, "check its unit, which is Angstrom.")
    others: dict[str, npt.NDArray[np.floating]] = {
        "defocus angle": particles.defocus_angle_degrees,
        "phase shift": particles.phase_shift_degrees,
        "CTF B-factor": particles.ctf_b_factor,
        "CTF scale": particles.ctf_scale,
    }
    for name, values in others.items():
        bad = ~np.isfinite(values)
        yield from _found(particles, bad, "error", f"have no finite {name}", "correct the value.")


def _optics(particles: ParticleSet) -> Iterator[Problem]:
    for k in np.unique(particles.optics_index):
        group = particles.optics[k]
        where = f"{particles.source.path}, optics group {group.number} ({group.name})"
        for message in _optics_faults(group):
            yield Problem("error", message, where)
        if group.box % 2:
            message = f"The images' box is {group.box}, an odd number; rescale them to an even one."
            yield Problem("error", message, where)


def _optics_faults(group: OpticsGroup) -> Iterator[str]:
    limits = (
        ("voltage", "rlnVoltage, ctf/accel_kv", group.voltage_kv, 20, 2000, "kV"),
        ("spherical aberration", "rlnSphericalAberration, ctf/cs_mm", group.cs_mm, -10, 50, "mm"),
        ("amplitude contrast", "rlnAmplitudeContrast", group.amplitude_contrast, -1, 1, ""),
        ("pixel size", "rlnImagePixelSize", group.pixel_size_angstrom, 0.01, 100, "A"),
    )
    for name, column, value, low, high, unit in limits:
        if np.isnan(value):
            yield f"The {name} is missing ({column}); add it to the file."
        elif not low <= value <= high:
            yield f"The {name} of {value:g} {unit} makes no sense ({column}); correct it."


def _declared(particles: ParticleSet) -> Iterator[Problem]:
    """What RELION's tables say of the images that this program cannot follow."""
    where, columns = str(particles.source.path), particles.columns
    if particles.source.format != "cryosparc" and "rlnAmplitudeContrast" not in (
        *columns,
        *_optics_labels(particles),
    ):
        message = (
            "There is no column rlnAmplitudeContrast; it is taken as 0, as RELION does. Most data "
            "have 0.07 to 0.1: add the column."
        )
        yield Problem("warning", message, where)
    if "rlnTomoName" in columns or "rlnTomoParticleName" in columns:
        message = "These are particles of tomograms; single-particle images are needed."
        yield Problem("error", message, where)
    for label, wrong, message in (
        ("rlnCtfDataAreCtfPremultiplied", 1, "The images are already multiplied by their CTF"),
        ("rlnImageDimensionality", 3, "The images are three-dimensional (subtomograms)"),
    ):
        if wrong in _optics_values(particles, label):
            message += "; extract them again as plain 2-D images."
            yield Problem("error", message, where)


def _optics_labels(particles: ParticleSet) -> tuple[str, ...]:
    document = particles.source.document
    table = document.table("optics") if isinstance(document, StarFile) else None
    return table.labels if table is not None else ()


def _optics_values(particles: ParticleSet, label: str) -> npt.NDArray[np.float64]:
    document = particles.source.document
    table = document.table("optics") if isinstance(document, StarFile) else None
    if table is None or label not in table:
        return np.empty(0)
    return table.numbers([label])[label]


def _halves(particles: ParticleSet) -> Iterator[Problem]:
    half, where = particles.half, str(particles.source.path)
    one, two, none = (int((half == k).sum()) for k in (1, 2, 0))
    if none == len(particles):
        message = "The file has no half sets; they are made at random and written on export."
        yield Problem("note", message, where)
    elif none:
        belong = "belong to neither half set"
        yield from _found(
            particles, half == 0, "error", belong, "correct rlnRandomSubset (1 or 2)."
        )
    elif min(one, two) == 0:
        message = f"All particles are in half set {1 if one else 2}; give the whole data set."
        yield Problem("error", message, where)
    elif abs(one - two) > UNEQUAL_HALVES * min(one, two):
        yield Problem("warning", f"The half sets are unequal: {one} and {two} particles.", where)


def _duplicates(particles: ParticleSet) -> Iterator[Problem]:
    image = pd.DataFrame({"stack": particles.stack_index, "image": particles.image_index})
    repeated = image.duplicated(keep=False).to_numpy()
    if not repeated.any():
        return
    rows = np.flatnonzero(repeated)
    pose = np.concatenate(
        [particles.rotation[rows].reshape(-1, 9), particles.shift_angstrom[rows]], axis=1
    )
    same = pd.concat([image.iloc[rows].reset_index(drop=True), pd.DataFrame(pose)], axis=1)
    exact = np.zeros(len(particles), bool)
    exact[rows[same.duplicated().to_numpy()]] = True
    where = "repeat an earlier row (the same image and pose)"
    yield from _found(particles, exact, "warning", where, "remove the repetitions.")
    split = image.assign(half=particles.half).iloc[rows].groupby(["stack", "image"])["half"]
    torn = np.zeros(len(particles), bool)
    torn[rows[(split.transform("nunique") > 1).to_numpy()]] = True
    what = "show an image that is also in the other half set, so the halves are not independent"
    yield from _found(particles, torn, "warning", what, "put all copies of an image in one half.")
    poses = int(repeated.sum() - exact.sum())
    if poses > int(exact.sum()):
        yield Problem(
            "note",
            f"{poses} particles share images in several poses, as after symmetry expansion.",
            str(particles.source.path),
        )
