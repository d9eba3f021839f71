"""Every way of selecting in a real window: rectangle, range, nearest, rows, saved ones combined."""

from pathlib import Path

import numpy as np
from explore_window import LEFT, RIGHT, Window
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMessageBox

from napari_conformix.export.formats import PARTICLE_FILES, ParticleFormat, offered_to
from napari_conformix.widgets.latent_view import Mode, Tool
from napari_conformix.widgets.session import FIRST

WINDOW = Window


def open_form(window: Window):
    """The form of typed ways, unfolded."""
    selections = window.page.selections
    fold = selections.form.parentWidget()
    fold.button.setChecked(True)
    window.wait(lambda: not window.session.workers.busy("job:selection clusters"))
    return selections.form


def selected(window: Window) -> set[int]:
    """Once what was asked has been found."""
    window.settle()
    return set(window.selected.tolist())


def until(window: Window, steps: int) -> set[int]:
    window.wait(lambda: len(window.page.history.steps) >= steps)
    return selected(window)


def motion(window: Window) -> np.ndarray:
    return window.job.latents().motion[:, :2]


def inside(window: Window, corners: list[tuple[float, float]]) -> set[int]:
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    xy = motion(window)
    return set(np.flatnonzero(((xy > low) & (xy < high)).all(axis=1)).tolist())


def test_a_rectangle_takes_what_is_between_its_corners(window: Window) -> None:
    window.bar.tools[Tool.RECTANGLE].click()
    pixels = window.drag([(4.0, -1.0), (6.0, 0.0), (8.0, 1.0)])
    corners = window.overlay.transform.to_view(pixels[[0, -1]])
    assert until(window, 1) == inside(window, corners)
    (step,) = window.page.history.how
    assert step["kind"] == "rectangle"
    np.testing.assert_allclose(
        np.sort(step["corners"], axis=0), np.sort(corners, axis=0), atol=1e-5
    )
    window.bar.modes[Mode.INTERSECT].click()
    pixels = window.drag([(5.0, -3.0), (6.0, 0.0), (9.0, 3.0)])
    within = inside(window, window.overlay.transform.to_view(pixels[[0, -1]]))
    assert until(window, 2) == inside(window, corners) & within


def test_the_count_is_shown_while_the_lasso_is_drawn(window: Window) -> None:
    window.bar.tools[Tool.LASSO].click()
    widget = window.target(window.place(*RIGHT[0]))
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=window.place(*RIGHT[0]))
    drawn = [RIGHT[0]]
    for corner in RIGHT[1:]:
        QTest.mouseMove(widget, window.place(*corner))
        drawn.append(corner)
        window.settle()
    window.wait(lambda: window.bar.count.text().startswith("Inside"))
    pixels = np.array([[p.x(), p.y()] for p in (window.place(*c) for c in drawn)], dtype=float)
    count = len(inside(window, window.overlay.transform.to_view(pixels)))
    window.wait(lambda: f"Inside {count:,} of 2,000" in window.bar.count.text())
    assert len(window.selected) == 0
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=window.place(*RIGHT[0]))
    assert len(until(window, 1)) == count
    window.settle()  # a count that comes late is not shown
    assert window.bar.count.text().startswith(f"Selected {count:,} of 2,000")


def test_escape_gives_back_the_count_of_the_selection(window: Window) -> None:
    window.lasso(RIGHT)
    before = window.bar.count.text()
    start = window.place(*LEFT[0])
    widget = window.target(start)
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    for corner in LEFT[1:]:
        QTest.mouseMove(widget, window.place(*corner))
        window.settle()
    window.wait(lambda: window.bar.count.text().startswith("Inside"))
    window.bar.cancelled.emit()
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=start)
    window.settle()
    assert window.bar.count.text() == before


def test_a_range_of_a_column_with_every_mode(window: Window) -> None:
    form = open_form(window)
    defocus = window.job.particles.column("rlnDefocusU")
    form.column.setCurrentIndex(form.column.findData("rlnDefocusU"))
    QTest.keyClicks(form.low, "14000")
    QTest.mouseClick(form.range, Qt.MouseButton.LeftButton)
    above = set(np.flatnonzero(defocus >= 14000).tolist())
    assert until(window, 1) == above
    window.bar.modes[Mode.REMOVE].click()
    form.low.clear()
    QTest.keyClicks(form.high, "16000")
    QTest.keyClick(form.high, Qt.Key.Key_Return)
    assert until(window, 2) == above - set(np.flatnonzero(defocus <= 16000).tolist())
    assert window.page.history.how[-1] | {"epoch": 12} == {
        "action": "remove", "kind": "range", "column": "rlnDefocusU", "low": None, "high": 16000.0,
        "epoch": 12,
    }  # fmt: skip


def test_what_is_typed_wrong_is_refused_with_a_sentence(window: Window) -> None:
    form = open_form(window)
    form.column.setCurrentIndex(form.column.findData("rlnDefocusU"))
    for low, high, told in (
        ("", "", "Type the lowest"),
        ("a", "", "'a' is not a number"),
        ("3", "1", "above the highest"),
        ("nan", "", "finite"),
    ):
        form.low.setText(low)
        form.high.setText(high)
        form.range.click()
        assert told in window.messages[-1]
    window.page.cursor.lift(FIRST)
    form.nearest.click()
    assert "nearest to what" in window.messages[-1]
    assert not window.page.history.can_undo


def test_a_tool_of_another_page_has_no_button_here(window: Window) -> None:
    window.bar.choose_tool(Tool.POINTS)
    assert window.overlay.tool is Tool.POINTS
    assert not any(button.isChecked() for button in window.bar.tools.values())
    window.bar.tools[Tool.LASSO].click()
    window.bar.tools[Tool.RECTANGLE].click()
    assert [t for t, b in window.bar.tools.items() if b.isChecked()] == [Tool.RECTANGLE]
    assert window.overlay.tool is Tool.RECTANGLE


def test_the_nearest_to_the_cursor(window: Window) -> None:
    form = open_form(window)
    window.drag([(2.0, 0.2), (3.0, 0.5)])
    form.count.setValue(37)
    QTest.mouseClick(form.nearest, Qt.MouseButton.LeftButton)
    found = until(window, 1)
    xy = np.array(window.overlay.cursor_xy)
    order = np.argsort(np.linalg.norm(motion(window) - xy, axis=1), kind="stable")
    assert found == set(order[:37].tolist())
    assert window.page.history.how[0]["count"] == 37


def test_rows_of_a_file_and_of_a_file_made_for_others(window: Window, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", [5, 3, 1999])
    window.page.selections.select_file(tmp_path / "rows.npy")
    assert until(window, 1) == {3, 5, 1999}
    np.save(tmp_path / "other.npy", [2000])
    window.page.selections.select_file(tmp_path / "other.npy")
    window.wait(lambda: any("made for another particle file" in m for m in window.messages))
    assert selected(window) == {3, 5, 1999}


def test_a_range_dragged_in_the_legend_is_selected_as_chosen(window: Window) -> None:
    rows = window.job.angle > 10
    window.page.views.range_asked.emit("trueAngle", 10.0, 40.0, rows)
    assert selected(window) == set(np.flatnonzero(rows).tolist())
    assert window.page.history.how[0]["column"] == "trueAngle"


def test_saved_selections_are_combined_and_undone(window: Window) -> None:
    table = window.page.selections.table
    sets = {}
    for name, corners in (("right", RIGHT), ("both", [*LEFT[:2], *RIGHT[1:3], LEFT[3]])):
        window.lasso(corners)
        sets[name] = set(window.selected.tolist())
        QTest.keyClicks(table.name, name)
        table.save.click()
        window.wait(lambda name=name: name in table.names)
    for action, wanted in (
        ("intersect", sets["right"] & sets["both"]),
        ("remove", sets["both"] - sets["right"]),
        ("add", sets["right"] | sets["both"]),
    ):
        steps = len(window.page.history.steps)
        window.page.selections.load("both")
        until(window, steps + 1)
        window.page.selections.load("right", action)
        assert until(window, steps + 2) == wanted
        assert window.page.history.how[-1]["kind"] == "saved"
    table.name.setText("all of it")
    table.save.click()
    window.wait(lambda: "all of it" in table.names)
    made = table.table.text(table.names.index("all of it"), 2)
    assert made == "'both', + 'right'; epoch 12"
    for _ in range(len(window.page.history.steps)):
        window.bar.undo.click()
    assert selected(window) == set()


def test_rename_recolour_and_double_click(window: Window, monkeypatch) -> None:
    window.lasso(RIGHT)
    chosen = set(window.selected.tolist())
    table = window.page.selections.table
    table.name.setText("one end")
    table.save.click()
    window.wait(lambda: table.current == "one end")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("  far end ", True))
    table.rename.trigger()
    window.wait(lambda: table.names == ["far end"] and table.current == "far end")
    assert window.job.selections() == ["far end"]
    window.page.selections.saved.recolour("far end", "#ff0000")
    window.wait(lambda: window.job.selection("far end").colour == "#ff0000")
    window.bar.clear.click()
    window.wait(lambda: table.names == ["far end"])
    window.settle()
    place = table.table.visualRect(table.table.content.index(0, 0)).center()
    QTest.mouseClick(table.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(table.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    window.wait(lambda: set(window.selected.tolist()) == chosen)


def test_save_above_the_view_asks_for_a_name(window: Window, monkeypatch) -> None:
    assert not window.bar.save.isEnabled()
    window.lasso(RIGHT)
    proposed = []
    answers = [("open", True), ("", False), ("open", True)]
    monkeypatch.setattr(
        QInputDialog, "getText", lambda *_, text: (proposed.append(text), answers.pop(0))[1]
    )
    window.bar.save.click()
    table = window.page.selections.table
    window.wait(lambda: table.current == "open")
    assert set(window.job.selection("open").rows) == set(window.selected)
    window.bar.save.click()
    asked = []
    monkeypatch.setattr(table, "sure", lambda title, question: asked.append(question))
    window.bar.invert.click()
    window.bar.save.click()
    window.settle()
    assert table.names == ["open"]
    assert "'open' already" in asked[0]
    assert set(window.job.selection("open").rows) != set(window.selected)
    assert proposed[0] == "selection 1"


def test_one_click_exports_into_the_job_and_asks_before_it_replaces(
    window: Window, monkeypatch
) -> None:
    window.lasso(RIGHT)
    table = window.page.selections.table
    table.name.setText("one end")
    table.save.click()
    window.wait(lambda: table.current == "one end")
    asked = []
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(
        QMessageBox, "question", lambda *text: (asked.append(text[2]), answers.pop(0))[1]
    )
    target = window.job.folder / "subsets" / "one end.star"
    table.export.click()
    window.wait(target.exists)
    window.wait(lambda: table.written.text().startswith("Exported"))
    table.written.copy.click()
    from qtpy.QtWidgets import QApplication

    assert QApplication.clipboard().text() == str(target)
    target.write_text("mine")
    table.export.click()
    window.settle()
    assert str(target) in asked[0]
    assert target.read_text() == "mine"
    table.export.click()
    window.wait(lambda: target.read_text() != "mine")


def test_a_format_that_is_added_is_offered_in_the_menu_and_the_dialog(
    window: Window, monkeypatch, tmp_path
) -> None:
    toy = ParticleFormat(
        suffix=".toy",
        name="Toy file",
        line="Toy file, for tests",
        example="subset.toy",
        write=lambda *_: None,
    )
    monkeypatch.setattr(PARTICLE_FILES, "formats", (*PARTICLE_FILES.formats, toy))
    window.lasso(RIGHT)
    selections = window.page.selections
    table = selections.table
    table.name.setText("toys")
    table.save.click()
    window.wait(lambda: table.current == "toys")
    actions = {action.text(): action for action in table.export.menu().actions()}
    assert "Toy file, for tests (.toy)" in actions
    written = []
    monkeypatch.setattr(
        selections.saved, "export", lambda name, path, overwrite=False: written.append(path)
    )
    actions["Toy file, for tests (.toy)"].trigger()
    asked = []

    def dialog(parent, title, name, filters):
        asked.append((name, filters))
        return str(tmp_path / "mine"), "Toy file (*.toy)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
    actions["Choose another place…"].trigger()
    assert asked == [("toys.star", offered_to("RELION").filters)]
    assert asked[0][1].endswith(";;Toy file (*.toy)")
    assert written == [window.job.folder / "subsets" / "toys.toy", tmp_path / "mine.toy"]
    monkeypatch.undo()
    selections.list_saved()


def test_undo_and_redo_keys_work_on_the_page(window: Window) -> None:
    window.lasso(RIGHT)
    chosen = set(window.selected.tolist())
    button = window.page.selections.table.save
    window.page.window().activateWindow()
    button.setFocus()
    window.wait(button.hasFocus)
    QTest.keyClick(button, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert selected(window) == set()
    QTest.keyClick(button, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert selected(window) == chosen
