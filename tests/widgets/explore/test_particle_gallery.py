"""The gallery: the images of what is selected, letters in the view, and a click that goes there."""

from pathlib import Path
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest
from explore_window import Window
from gallery_fakes import GalleryJob
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_conformix.particles import ImageReader
from napari_conformix.widgets.explore.gallery import CURRENT, ParticleGallery

WINDOW = Window


@pytest.fixture
def window(empty: Window) -> Window:
    return empty


@pytest.fixture
def opened(window: Window, star: Path, tmp_path: Path):
    """The window with a job open, and the gallery unfolded by hand."""
    window.open(GalleryJob(tmp_path, star))
    group = window.page.gallery
    group.fold.button.setChecked(False)
    group.form.low_pass.setValue(20.0)
    group.form.ctf_box.setCurrentIndex(0)
    group.form.black.setChecked(False)
    group.form.source_box.setCurrentIndex(0)
    unfold(window)
    return window


def unfold(window: Window) -> None:
    button = window.page.gallery.fold.button
    QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(10, button.height() // 2))
    window.settle()


def rows_of(window: Window) -> list[int]:
    return [int(tile.tip.split()[1]) for tile in window.page.gallery.gallery.tiles]


def marks(window: Window) -> dict:
    return {mark.text: mark for mark in window.overlay.decorations.marks}


def click_tile(window: Window, index: int) -> None:
    gallery = window.page.gallery.gallery
    middle = gallery.place(index).topLeft() + QPoint(30, 30)
    QTest.mouseClick(gallery, Qt.MouseButton.LeftButton, pos=middle)
    window.settle()


def test_nothing_is_read_while_it_is_folded(
    window: Window, star: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = ImageReader.read

    def counted(self: ImageReader, rows: np.ndarray) -> np.ndarray:
        read.append(len(rows))
        return real(self, rows)

    monkeypatch.setattr(ImageReader, "read", counted)
    window.open(GalleryJob(tmp_path, star))
    window.page.gallery.fold.button.setChecked(False)
    window.page.selections.select(np.arange(40))
    window.wait(lambda: window.page.history.count == 40)
    window.settle()
    assert not read
    unfold(window)
    assert sum(read) == 12


def test_images_of_the_lassoed_particles_are_shown_with_letters_where_they_lie(
    opened: Window,
) -> None:
    assert len(rows_of(opened)) == 12
    opened.lasso([(2, -2), (9, -2), (9, 2), (2, 2)])
    opened.settle()
    chosen = set(opened.selected.tolist())
    shown = rows_of(opened)
    assert len(shown) == 12 < len(chosen)
    assert set(shown) <= chosen
    view = opened.page.latent_view
    assert {text: mark.xy for text, mark in marks(opened).items()} == {
        letter: view.place_of(row) for letter, row in zip("ABCDEFGHIJKL", shown, strict=True)
    }
    opened.page.history.clear()


def test_another_twelve_are_others_of_the_same(opened: Window) -> None:
    opened.page.selections.select(np.arange(100, 200))
    opened.settle()
    first = rows_of(opened)
    button = opened.page.gallery.form.another
    QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(20, 8))
    opened.settle()
    second = rows_of(opened)
    assert first != second
    assert all(100 <= row < 200 for row in first + second)
    opened.page.history.clear()


def test_a_click_shows_the_particles_own_state_where_it_lies(opened: Window) -> None:
    job, rows = opened.job, rows_of(opened)
    for index in (3, 8):
        click_tile(opened, index)
        row = rows[index]
        np.testing.assert_array_equal(job.decoded[-1], job.latents().mean[row])
        assert opened.overlay.cursor_xy == opened.page.latent_view.place_of(row)
        assert opened.page.conformation.half == job.half[row]
        assert f"particle {row}" in opened.page.scene.label
        assert opened.page.gallery.gallery.current == index
        gold = [text for text, mark in marks(opened).items() if mark.colour == CURRENT]
        assert gold == ["ABCDEFGHIJKL"[index]]
    opened.drag([(0.0, 0.0), (2.0, 0.5)])
    opened.settle()
    assert opened.page.gallery.gallery.current is None  # the scene shows another state now
    assert "nearby" in opened.page.scene.label


def test_filters_show_the_same_particles_again_without_reading(
    opened: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rows = opened.page.gallery.gallery.tiles, rows_of(opened)

    def never(*_: object) -> np.ndarray:
        raise AssertionError("images were read again")

    monkeypatch.setattr(ImageReader, "read", never)
    group = opened.page.gallery
    for change in (
        lambda: group.form.low_pass.setValue(40.0),
        lambda: group.form.ctf_box.setCurrentIndex(2),
        lambda: group.form.black.click(),
        lambda: group.form.projection_ctf.click(),
    ):
        change()
        opened.settle()
        after = group.gallery.tiles
        assert rows_of(opened) == rows
        assert any(
            a.projection != b.projection or a.image != b.image
            for a, b in zip(after, before, strict=True)
        )
        before = after
    assert "40 Å, Wiener" in group.legend.text()
    assert "without CTF" in group.legend.text()
    command = group.command.toPlainText()
    assert "--rows " + ",".join(map(str, rows)) in command
    assert command.endswith("--low-pass 40 --ctf wiener --bare --black -o particles.png")
    group.form.projection_ctf.click()
    opened.settle()
    assert not any("read again" in message for message in opened.messages)


def test_those_near_the_cursor(opened: Window) -> None:
    group, view = opened.page.gallery, opened.page.latent_view
    opened.drag([(4.0, 0.0), (5.0, 0.0)])
    group.form.source_box.setCurrentIndex(2)
    opened.settle()
    distance = np.linalg.norm(view.xy - [5.0, 0.0], axis=1)
    near = view.rows[np.argsort(distance)[:200]]
    assert set(rows_of(opened)) <= set(near.tolist())


def test_letters_follow_the_view_and_go_with_the_gallery(opened: Window) -> None:
    assert len(marks(opened)) == 12
    opened.page.views.show_box.setCurrentIndex(1)  # half 1 only
    opened.settle()
    half1 = opened.job.half[rows_of(opened)] == 1
    assert len(marks(opened)) == half1.sum() < 12
    opened.page.views.show_box.setCurrentIndex(0)
    opened.settle()
    opened.page.conformation.set_active(False)  # another page takes scene and view
    assert not marks(opened)
    opened.page.conformation.set_active(True)
    assert len(marks(opened)) == 12
    opened.page.gallery.fold.button.click()
    assert not marks(opened)


def test_a_missing_stack_is_a_sentence_and_all_else_goes_on(
    window: Window, star: Path, tmp_path: Path
) -> None:
    text = star.read_text().replace("particles.mrcs", "gone.mrcs")
    (tmp_path / "particles.star").write_text(text)
    window.open(GalleryJob(tmp_path, tmp_path / "particles.star"))
    window.page.gallery.fold.button.setChecked(False)
    unfold(window)
    assert "gone.mrcs" in window.page.gallery.said.text()
    assert not window.page.gallery.gallery.tiles
    assert not window.messages
    window.drag([(0.0, 0.0), (3.0, 0.0)])
    window.settle()
    assert window.job.decoded


def test_without_a_decoder_images_stand_alone(window: Window, star: Path, tmp_path: Path) -> None:
    job = GalleryJob(tmp_path, star)
    job.method_class = SimpleNamespace(
        title="Latents of another program", has_decoder=False, pieces="beads"
    )
    window.open(job)
    window.page.gallery.fold.button.setChecked(False)
    unfold(window)
    tiles = window.page.gallery.gallery.tiles
    assert len(tiles) == 12
    assert all(tile.projection is None for tile in tiles)
    row = rows_of(window)[0]
    assert tiles[0].lines == (
        f"particle {row}",
        f"half {job.particles.half[row]}".replace("half 0", ""),
    )
    assert "no decoder" in window.page.gallery.said.text()


def test_what_is_seen_is_saved(opened: Window, tmp_path: Path) -> None:
    opened.page.gallery.save(tmp_path / "seen.mrcs")
    opened.wait(lambda: any("seen.mrcs" in message for message in opened.messages))
    assert mrcfile.read(tmp_path / "seen.mrcs").shape == (24, 32, 32)


def test_tiles_wrap_and_the_arrow_keys_go_round(qtbot) -> None:
    gallery = ParticleGallery()
    qtbot.addWidget(gallery)
    gallery.resize(430, 100)
    assert gallery.heightForWidth(430) == 1
    from qtpy.QtGui import QImage

    from napari_conformix.widgets.explore.gallery import Tile

    image = QImage(8, 8, QImage.Format.Format_Grayscale8)
    gallery.show_tiles([Tile(letter, image, image, ("", ""), "") for letter in "ABCDE"])
    assert gallery.place(0).top() == gallery.place(1).top() < gallery.place(2).top()
    assert gallery.place(1).right() <= 430
    assert gallery.minimumHeight() >= gallery.place(4).bottom()
    picked = []
    gallery.picked.connect(lambda index: (picked.append(index), gallery.mark(index)))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        QTest.keyClick(gallery, key)
    assert picked == [0, 1, 3, 1]  # and no further up than the first row
