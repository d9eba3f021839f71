"""Deformations for ChimeraX and as tables."""

from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest

from napari_conformix.errors import UserError
from napari_conformix.export.arrows import write_arrow_table, write_bild
from napari_conformix.particles import write_map


@dataclass
class Field:
    begins: np.ndarray
    displacement: np.ndarray
    error: np.ndarray | None
    error_source: str = "both halves"
    label: str = "Particle 3\n(held out)"

    def sentence(self) -> str:
        return f"{self.label}: moves by 2 A."


@pytest.fixture
def field() -> Field:
    rng = np.random.default_rng(0)
    return Field(rng.normal(0, 20, (5, 3)), rng.normal(0, 3, (5, 3)), rng.random(5) + 0.5)


def parsed(path: Path) -> dict[str, np.ndarray]:
    """Numbers of a BILD file's lines, by command."""
    found: dict[str, list[list[float]]] = {}
    for line in path.read_text().splitlines():
        command, *words = line.split()
        assert command in (".comment", ".color", ".arrow", ".sphere", ".transparency")
        if command != ".comment":
            found.setdefault(command[1:], []).append([float(word) for word in words])
    return {name: np.array(rows) for name, rows in found.items()}


@pytest.mark.parametrize("box", [32, 34])
def test_arrows_lie_on_the_map_where_chimerax_places_it(
    box: int, field: Field, tmp_path: Path
) -> None:
    """A voxel at index (z, y, x) of a map with origin 0 is drawn at (x, y, z) pixels."""
    pixel = 1.7
    index = np.array([11, 20, 25])  # z, y, x
    volume = np.zeros((box, box, box), np.float32)
    volume[tuple(index)] = 1
    write_map(tmp_path / "map.mrc", volume, pixel)
    with mrcfile.open(tmp_path / "map.mrc") as mrc:
        header = mrc.header
        origin = np.array([header.origin.x, header.origin.y, header.origin.z])
        start = np.array([header.nxstart, header.nystart, header.nzstart])
        where = np.argwhere(mrc.data > 0)[0][::-1] * mrc.voxel_size.x
    assert not origin.any()
    assert not start.any()
    field.begins[2] = (index[::-1] - box // 2) * pixel
    out = write_bild(field, tmp_path / "a.bild", box=box, pixel_size_angstrom=pixel)
    arrows = parsed(out)["arrow"]
    np.testing.assert_allclose(arrows[2, :3], where, atol=2e-3)
    np.testing.assert_allclose(arrows[:, 3:6] - arrows[:, :3], field.displacement, atol=2e-3)


def test_spheres_at_the_ends_have_the_error_as_radius(field: Field, tmp_path: Path) -> None:
    out = write_bild(field, tmp_path / "a.bild", box=32, pixel_size_angstrom=2.0)
    shapes = parsed(out)
    np.testing.assert_allclose(shapes["sphere"][:, :3], shapes["arrow"][:, 3:6], atol=2e-3)
    assert field.error is not None
    np.testing.assert_allclose(shapes["sphere"][:, 3], field.error, atol=1e-3)
    assert 0 < shapes["transparency"][0, 0] < 1
    text = out.read_text()
    assert text.index(".transparency") < text.index(".sphere")
    assert text.rindex(".arrow") < text.index(".transparency")
    assert "Angstrom" in text
    assert "both halves" in text


def test_longer_arrows_are_brighter(field: Field, tmp_path: Path) -> None:
    out = write_bild(field, tmp_path / "a.bild", box=32, pixel_size_angstrom=2.0)
    shapes = parsed(out)
    colours = shapes["color"][: len(shapes["arrow"])]
    order = np.argsort(np.linalg.norm(field.displacement, axis=1))
    luminance = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance[order]) > 0).all()
    assert ((colours >= 0) & (colours <= 1)).all()


def test_without_error_no_spheres_and_nothing_for_what_does_not_move(
    field: Field, tmp_path: Path
) -> None:
    field.error = None
    field.displacement[1] = 0
    shapes = parsed(write_bild(field, tmp_path / "a.bild", box=32, pixel_size_angstrom=2.0))
    assert "sphere" not in shapes
    assert len(shapes["arrow"]) == 4
    field.displacement[:] = 0
    still = write_bild(field, tmp_path / "a.bild", box=32, pixel_size_angstrom=2.0, overwrite=True)
    assert "arrow" not in parsed(still)


def test_the_table_has_every_number(field: Field, tmp_path: Path) -> None:
    table = pd.read_csv(write_arrow_table(field, tmp_path / "a.csv"), comment="#")
    assert list(table.columns) == ["x", "y", "z", "dx", "dy", "dz", "error"]
    np.testing.assert_allclose(table[["x", "y", "z"]], field.begins, atol=1e-4)
    np.testing.assert_allclose(table[["dx", "dy", "dz"]], field.displacement, atol=1e-4)
    np.testing.assert_allclose(table["error"], field.error, atol=1e-4)
    field.error = None
    again = pd.read_csv(write_arrow_table(field, tmp_path / "b.csv"), comment="#")
    assert again["error"].isna().all()


def test_files_are_not_overwritten_unasked(field: Field, tmp_path: Path) -> None:
    for name in ("a.bild", "a.csv"):
        path = tmp_path / name
        path.write_text("mine")

        def write(overwrite: bool, path: Path = path) -> Path:
            if path.suffix == ".csv":
                return write_arrow_table(field, path, overwrite=overwrite)
            return write_bild(field, path, box=8, pixel_size_angstrom=1, overwrite=overwrite)

        with pytest.raises(UserError, match="exists"):
            write(False)
        assert path.read_text() == "mine"
        assert write(True).read_text() != "mine"


def test_wrong_paths_are_sentences(field: Field, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end with \.bild"):
        write_bild(field, tmp_path / "a.txt", box=8, pixel_size_angstrom=1)
    with pytest.raises(UserError, match="make it first"):
        write_arrow_table(field, tmp_path / "none" / "a.csv")
    assert list(tmp_path.iterdir()) == []
