"""What a method tells of itself at the start of a run, and on the way, as lines for people."""

from pathlib import Path

import pytest

from napari_conformix.cli.runs.progress import fact_line, line_that_stays
from napari_conformix.training.events import Notice


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("gaussian_width_angstrom", 2.4388656616, "gaussian width: 2.439 A"),
        ("gaussian_width_angstrom", [2.4388, 3.1], "gaussian width: 2.439, 3.1 A"),
        ("enclosed_volume_angstrom3", 44195.9096, "enclosed volume: 44,196 A^3"),
        ("gaussians", 12345, "gaussians: 12,345"),
        ("mask_restricts_motion", False, "mask restricts motion: no"),
    ],
)
def test_facts_have_units_and_few_digits(name: str, value: object, line: str) -> None:
    assert fact_line(name, value) == line


def test_what_the_method_does_on_its_own_is_told() -> None:
    notice = Notice(epoch=12, message="The references were replaced.")
    assert line_that_stays(notice, Path("job")) == "The references were replaced."
