"""Units and meaning of the columns of particle files, RELION's and cryoSPARC's."""

import re
from typing import Final

#: unit by a column's name
_UNITS: Final = (
    (r"Angst$|rlnDefocus[UV]$|_A$|Resolution$|PixelSize", "Å"),
    (r"rlnCtfBfactor$", "Å²"),
    (r"rlnAngle|rlnDefocusAngle|rlnPhaseShift|Prior$", "°"),
    (r"rlnCoordinate[XYZ]|rlnOrigin[XY]$", "px"),
    (r"Voltage|accel_kv$", "kV"),
    (r"SphericalAberration|_mm$", "mm"),
    (r"_rad$", "rad"),
)
#: what a column means, for those who do not know its name by heart
_MEANINGS: Final = (
    (r"rlnDefocus[UV]$|df[12]_A$", "Defocus along one of the axes of astigmatism"),
    (r"rlnDefocusAngle$|df_angle_rad$", "Direction of the astigmatism in the image"),
    (r"rlnAngle(Rot|Tilt|Psi)$", "Orientation of the particle (Euler angle)"),
    (r"rlnOrigin[XY]|alignments3D/shift", "Shift that centres the particle"),
    (r"rlnCoordinate[XY]$|center_[xy]_frac$", "Place of the particle in its micrograph"),
    (r"rlnMicrographName$|micrograph_path$", "Micrograph that the particle was picked in"),
    (r"rlnImageName$|blob/path$", "Stack that the image is in"),
    (r"rlnRandomSubset$|alignments3D/split$", "Half set of the refinement"),
    (r"rlnOpticsGroup$", "Optics group: images taken under one condition"),
    (r"rlnMaxValueProbDistribution$", "How clearly one orientation was best in the refinement"),
    (r"rlnNrOfSignificantSamples$", "Orientations that were about as good as the best one"),
    (r"rlnLogLikeliContribution$", "Log-likelihood of the image in the refinement"),
    (r"rlnNormCorrection$", "Contrast of the image relative to the others"),
    (r"rlnClassNumber$|alignments3D/class$", "Class in the refinement or classification"),
    (r"rlnPhaseShift$|phase_shift_rad$", "Phase shift of a phase plate"),
    (r"rlnCtfBfactor$", "B-factor of the image"),
)


def unit_of(column: str) -> str:
    """The unit of a known column, '' where it has none or it is not known."""
    return next((unit for pattern, unit in _UNITS if re.search(pattern, column)), "")


def meaning_of(column: str) -> str:
    """What a known column means, '' where it is not known."""
    return next((text for pattern, text in _MEANINGS if re.search(pattern, column)), "")
