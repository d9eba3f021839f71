"""Small files of particles, written by hand so that every byte is known."""

from pathlib import Path

import mrcfile
import numpy as np

RELION31 = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnAmplitudeContrast #3
_rlnSphericalAberration #4
_rlnVoltage #5
_rlnImagePixelSize #6
_rlnImageSize #7
_rlnImageDimensionality #8
           1 opticsGroup1     0.100000     2.700000   300.000000  4.000000   16   2
           2 00012            0.070000     0.010000   200.000000  2.000000   32   2


# version 30001

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
_rlnAngleRot #3
_rlnAngleTilt #4
_rlnAnglePsi #5
_rlnOriginXAngst #6
_rlnOriginYAngst #7
_rlnDefocusU #8
_rlnDefocusV #9
_rlnDefocusAngle #10
_rlnRandomSubset #11
_rlnMicrographName #12
000001@Extract/job007/a.mrcs  1  10.0  20.0  30.0   1.5  -2.50  12000.0 11000.0 15.5  1 1e5
000002@Extract/job007/a.mrcs  1 -10.0  90.0  45.0   0.0   0.00  13000.0 12000.0 25.5  2 00012
000003@Extract/job007/a.mrcs  1   0.0   0.0   0.0  -3.0   1.00  14000.0 13000.0 35.5  2 nan
000001@Extract/job007/b.mrcs  2 100.0 170.0 -60.0   2.0   3.25  15000.0 14500.0 45.5  1 7_8

"""


def write_stack(path: Path, images: np.ndarray, pixel_size: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(images)
        mrc.set_image_stack()
        mrc.voxel_size = pixel_size
