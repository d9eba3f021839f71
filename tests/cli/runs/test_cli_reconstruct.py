"""`reconstruct`: deformed where the method knows motions, plain where asked for."""

from pathlib import Path

import starfile
from command_line import Conformix

from napari_conformix.jobs import Job


def test_a_selection_deformed_beside_plain(conformix: Conformix, trained: Path) -> None:
    conformix("select", trained, "--name", "some", "--column", "rlnDefocusU", "--min", 0)
    done = conformix("reconstruct", trained, "--selection", "some")
    assert done.status == 0, done.err
    folder = trained / "reconstruction" / "some_deformed"
    assert str(folder) in done.out
    assert len(list(folder.glob("run_half[12]_*.mrc"))) == 2
    assert len(list(folder.glob("plain_half[12]_*.mrc"))) == 2
    told = float(done.out.split("particles: ")[1].split(" A")[0])
    report = Job.open(trained).reconstructions()[0].report()
    assert abs(told - report.curves.resolution_angstrom) < 0.005
    table = starfile.read(folder / "run_fsc.star")
    curve = table.rlnFourierShellCorrelationUnmaskedMaps.to_numpy()
    assert abs(curve - report.curves.unmasked).max() < 1e-5
    again = conformix("reconstruct", trained, "--selection", "some")
    assert again.status == 1
    assert "holds a finished reconstruction" in again.err


def test_plain_into_a_folder(conformix: Conformix, trained: Path, tmp_path: Path) -> None:
    done = conformix("reconstruct", trained, "--plain", "-o", tmp_path / "maps")
    assert done.status == 0, done.err
    assert not list((tmp_path / "maps").glob("plain_*"))
    assert done.out.startswith("Plain half maps of ")
    nothing = conformix("reconstruct", trained, "--resume", "-o", tmp_path / "other")
    assert "is not a reconstruction" in nothing.err
