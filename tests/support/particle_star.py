"""The head of a small RELION 3.1 particle file: one optics group, poses, defocus and half sets."""

_HEAD = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnAmplitudeContrast #5
_rlnImagePixelSize #6
_rlnImageSize #7
_rlnImageDimensionality #8
1 opticsGroup1 300.0 2.7 0.1 {pixel} {box} 2

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnAngleTilt #3
_rlnAnglePsi #4
_rlnOriginXAngst #5
_rlnOriginYAngst #6
_rlnDefocusU #7
_rlnDefocusV #8
_rlnDefocusAngle #9
_rlnOpticsGroup #10
"""


def star_head(pixel: float, box: int, *, halves: bool = True) -> str:
    """What stands before the rows; `halves`: their last column is rlnRandomSubset."""
    return _HEAD.format(pixel=pixel, box=box) + ("_rlnRandomSubset #11\n" if halves else "")
