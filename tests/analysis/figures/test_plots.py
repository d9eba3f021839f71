"""Figures as they stand in a page: whole, nothing from outside, each with its own names."""

import re
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from napari_conformix.analysis.figures import page, plots

LABELS = ("Motion 1 ($A$)", "<b>&amp;")
X = np.linspace(0, 1, 20)


def scatter(title: str = "first") -> str:
    return plots.scatter(X, X**2, labels=LABELS, title=title, amount=X, amount_label="RMS (A)")


def lines(title: str = "second") -> str:
    return plots.lines(
        [("half 1", X, X, False), ("<i>", X, X**2, True)], labels=LABELS, title=title
    )


@pytest.mark.parametrize("svg", [scatter(), lines(), scatter("<script>")])
def test_text_is_there_as_it_was_given(svg: str) -> None:
    words = " ".join(ElementTree.fromstring(svg).itertext())
    for word in LABELS:
        assert word in words


def test_the_same_data_give_the_same_figure() -> None:
    assert scatter() == scatter()
    assert scatter() != scatter("other")


def test_two_figures_of_a_page_share_no_names() -> None:
    names = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (scatter(), lines())]
    assert names[0] & names[1] == set()
    for svg, own in zip((scatter(), lines()), names, strict=True):
        used = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
        assert used
        assert used <= own


def test_what_a_user_set_for_other_figures_changes_nothing() -> None:
    before = lines()
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "svg.fonttype": "path"}):
        assert lines() == before
        assert mpl.rcParams["lines.linewidth"] == 9


def test_points_without_a_value_are_left_out() -> None:
    gaps = np.where(X > 0.5, np.nan, X)
    assert "no values" not in plots.scatter(gaps, X, labels=LABELS, title="gaps")
    assert "no values" in plots.scatter(gaps * np.nan, X, labels=LABELS, title="none")


def test_a_page_escapes_all_but_figures() -> None:
    html = page(
        "reconstruction.html",
        title="<script>alert(1)</script>",
        sentences=["a < b & c"],
        warnings=["<img src=x>"],
        figures=[scatter()],
        details=[],
        heads=["<td>"],
        rows=[["<x>"]],
    )
    assert "<script>" not in html
    assert "<img" not in html
    assert "a &lt; b &amp; c" in html
    assert html.count("<svg") == 1
