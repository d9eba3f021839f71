"""A format that is added to the table is there for the command line and for Python."""

from pathlib import Path

import numpy as np
import pytest
from command_line import Conformix

from napari_conformix.errors import UserError
from napari_conformix.export.formats import PARTICLE_FILES, ParticleFormat, offered_to
from napari_conformix.jobs import Job


def write_toy(particles, rows, path: Path, half) -> None:
    path.write_text(" ".join(map(str, particles.subset(rows).row)))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ParticleFormat:
    added = ParticleFormat(
        suffix=".toy",
        name="Toy file",
        line="Toy file, for tests",
        example="subset.toy",
        names_images=False,
        write=write_toy,
    )
    monkeypatch.setattr(PARTICLE_FILES, "formats", (*PARTICLE_FILES.formats, added))
    return added


def test_a_new_format_is_accepted_everywhere(
    toy: ParticleFormat, conformix: Conformix, trained: Path, tmp_path: Path
) -> None:
    np.savetxt(trained / "a.txt", [3, 5, 8], fmt="%d")
    assert conformix("select", trained, "--indices", trained / "a.txt", "--name", "a").status == 0
    file = tmp_path / "a.toy"
    done = conformix("export", trained, "--selection", "a", "-o", file)
    assert done.status == 0, done.err
    assert f"{file}: 3 particles" in done.out
    assert file.read_text() == "3 5 8"
    written = Job.open(trained).export("a", tmp_path / "b.TOY")
    assert written.read_text() == "3 5 8"

    wrong = conformix("export", trained, "--selection", "a", "-o", tmp_path / "a.txt")
    assert wrong.status == 1
    assert "must end with .star, .npy, .pkl or .toy." in wrong.err
    with pytest.raises(UserError, match=r"\.pkl or \.toy"):
        Job.open(trained).export("a", tmp_path / "a.txt")
    for program in ("RELION", "cryoSPARC"):
        assert "Toy file (*.toy)" in offered_to(program).filters


def test_the_help_names_every_format(conformix: Conformix) -> None:
    text = " ".join(conformix("export", "--help").out.replace("│", " ").split())
    assert PARTICLE_FILES.examples() in text
