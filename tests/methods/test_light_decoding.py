"""What a window's process loads to show conformations: torch, and neither its compiler nor what
trains. triton, loaded after a software renderer for OpenGL, ends the process."""

import subprocess
import sys

import pytest
import torch

from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.methods.opusdsd import OpusDsd, OpusDsdSettings
from napari_conformix.training.checkpoints import CheckpointFolder

HEAVY = ("triton", "torch._dynamo", "torch._inductor", "lightning_fabric", "roma", "matplotlib")
LOADED = f"print(*(m for m in sys.modules if any((m + '.').startswith(h + '.') for h in {HEAVY})))"
DECODE = """
import sys
from pathlib import Path
import numpy as np
import napari_conformix.jobs.job
from napari_conformix.imaging import euler_to_matrix
from napari_conformix.jobs.folder.models import decode, displacement, load_method

method = load_method(Path(sys.argv[1]))
half = method.halves[-1]
latent = np.zeros(method.latent_dim)
volume = decode(method, latent, half)
assert np.isfinite(volume).all() and volume.ndim == 3
if method.has_displacement:
    assert displacement(method, latent, np.zeros((5, 3)), half).shape == (5, 3)
"""
METHODS = {
    "dynamight": (DynaMight, DynaMightSettings(gaussians=50, noise_particles=16)),
    "dynamight of the paper": (
        DynaMight,
        DynaMightSettings(
            gaussians=50, noise_particles=16, embedding="encoder", decoder="coordinate"
        ),
    ),
    "opusdsd": (OpusDsd, OpusDsdSettings(width=0.05, noise_particles=16)),
}


@pytest.mark.parametrize("name", METHODS)
def test_opening_and_decoding_load_no_compiler_and_no_trainer(swing, tmp_path, name) -> None:
    kind, settings = METHODS[name]
    method = kind(settings, swing.frame)
    method.particles = len(swing.images)
    torch.manual_seed(0)
    method.initialise(swing.consensus, None)
    path = CheckpointFolder(tmp_path).save(method, 1, {}, best=True)
    done = subprocess.run(
        [sys.executable, "-c", f"{DECODE}\n{LOADED}", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_what_is_looked_for_is_found_where_it_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, torch._dynamo, lightning_fabric\n{LOADED}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"torch._dynamo", "lightning_fabric"} <= set(done.stdout.split())
