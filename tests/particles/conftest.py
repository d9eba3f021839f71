"""A small project on disk."""

from pathlib import Path

import numpy as np
import pytest
from particle_files import RELION31, write_stack


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A RELION project: Refine3D/job010/run_data.star, two stacks of different box."""
    random = np.random.default_rng(0)
    for name, count, box in (("a", 3, 16), ("b", 2, 32)):
        images = random.normal(size=(count, box, box)).astype(np.float32)
        write_stack(tmp_path / f"Extract/job007/{name}.mrcs", images)
    star = tmp_path / "Refine3D/job010/run_data.star"
    star.parent.mkdir(parents=True)
    star.write_text(RELION31)
    return star
