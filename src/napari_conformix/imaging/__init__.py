"""Image formation in torch: pure functions; the tensor decides device and dtype.

Poses, shifts, CTF, projection, Gaussians, masks, FSC and noise; conventions are those of RELION,
proved against its programs.
"""

from napari_conformix.imaging.aberrations import (
    has_odd_phase,
    remove_odd_phase,
    unapplied_aberrations,
)
from napari_conformix.imaging.ctf import ctf_2d, ctf_of
from napari_conformix.imaging.filters import low_pass, low_pass_gain
from napari_conformix.imaging.fourier import (
    fourier_resize_2d,
    fourier_resize_3d,
    fourier_shift,
    radial_average_2d,
    radial_average_3d,
    resample_2d,
    resample_3d,
    rfft_radius,
    rfft_shell,
    spread_shells_2d,
)
from napari_conformix.imaging.fsc import FscCurves, Resolution, corrected_fsc, fsc, resolution_at
from napari_conformix.imaging.gaussians import gaussian_map, project_gaussians
from napari_conformix.imaging.masks import (
    choose_threshold,
    circle_mask,
    contour_threshold,
    enclosed_volume,
    resample_mask,
    soft_mask,
    solvent_sigma,
    sphere_mask,
    threshold_enclosing,
)
from napari_conformix.imaging.noise import background_noise_power, noise_power
from napari_conformix.imaging.pose import euler_to_matrix, matrix_to_euler
from napari_conformix.imaging.positional_encoding import PositionalEncoding
from napari_conformix.imaging.projection import project_volume, project_volume_real_space
from napari_conformix.imaging.voxels import project_voxels, sample_images, voxel_positions

__all__ = [
    "FscCurves",
    "PositionalEncoding",
    "Resolution",
    "background_noise_power",
    "choose_threshold",
    "circle_mask",
    "contour_threshold",
    "corrected_fsc",
    "ctf_2d",
    "ctf_of",
    "enclosed_volume",
    "euler_to_matrix",
    "fourier_resize_2d",
    "fourier_resize_3d",
    "fourier_shift",
    "fsc",
    "gaussian_map",
    "has_odd_phase",
    "low_pass",
    "low_pass_gain",
    "matrix_to_euler",
    "noise_power",
    "project_gaussians",
    "project_volume",
    "project_volume_real_space",
    "project_voxels",
    "radial_average_2d",
    "radial_average_3d",
    "remove_odd_phase",
    "resample_2d",
    "resample_3d",
    "resample_mask",
    "resolution_at",
    "rfft_radius",
    "rfft_shell",
    "sample_images",
    "soft_mask",
    "solvent_sigma",
    "sphere_mask",
    "spread_shells_2d",
    "threshold_enclosing",
    "unapplied_aberrations",
    "voxel_positions",
]
