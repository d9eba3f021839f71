"""The table of each kind of export is all that dialogs, sentences and help know of its formats."""

import subprocess
import sys
from pathlib import Path

import pytest

from napari_conformix.export.formats import (
    ARROW_FILES,
    FIGURE_FILES,
    LATENT_FILES,
    MOVIE_FILES,
    PARTICLE_FILES,
    PICTURE_FILES,
    FileFormat,
    FormatTable,
    offered_to,
    program_of,
    program_of_file,
)

TABLES = [ARROW_FILES, FIGURE_FILES, LATENT_FILES, MOVIE_FILES, PARTICLE_FILES, PICTURE_FILES]


def row(suffix: str, name: str) -> FileFormat:
    return FileFormat(suffix=suffix, name=name, line=name, example=f"x{suffix}")


@pytest.mark.parametrize("table", TABLES)
def test_no_two_formats_of_a_table_are_taken_for_each_other(table: FormatTable) -> None:
    for read in (lambda one: one.suffix, lambda one: one.filter, lambda one: one.entry):
        assert len({read(one) for one in table}) == len(table.formats)
    for one in table:
        assert table.of(Path(f"a.b{one.suffix.upper()}")) is one
        assert one.suffix == one.suffix.lower()


def test_the_tables_and_the_words_of_a_movie_load_nothing_heavy() -> None:
    """The help of the command line reads them."""
    heavy = ("numpy", "pandas", "pydantic", "torch", "starfile", "qtpy")
    code = f"""
import sys
from napari_conformix.export import formats, movie_words
print([name for name in {heavy!r} if name in sys.modules])
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_words_are_made_of_the_rows() -> None:
    two = FormatTable(row(".a", "First"), row(".b", "Second"))
    assert two.filters == "First (*.a);;Second (*.b)"
    assert two.suffixes == ".a or .b"
    assert two.examples() == "x.a, or x.b"
    three = FormatTable(*two, row(".c", "Third"))
    assert (three.suffixes, three.examples()) == (".a, .b or .c", "x.a, x.b, or x.c")
    assert FormatTable(row(".a", "First")).suffixes == ".a"


def test_a_suffix_is_added_where_none_is_known() -> None:
    table = FormatTable(row(".a", "First"), row(".b", "Second"))
    for typed, chosen, wanted in (
        ("x", "Second (*.b)", "x.b"),
        ("x", "", "x.a"),
        ("x.b", "First (*.a)", "x.b"),
        ("x.B", "First (*.a)", "x.B"),
        ("x.1", "Second (*.b)", "x.1.b"),
    ):
        assert table.complete(Path(typed), chosen) == Path(wanted)


@pytest.mark.parametrize("program", ["RELION", "cryoSPARC"])
@pytest.mark.parametrize("kind", list(PARTICLE_FILES))
def test_a_particle_file_that_is_typed_keeps_its_suffix(program: str, kind: FileFormat) -> None:
    """Also one that these particles cannot become: the sentence that says so is better than a
    second suffix."""
    name = Path(f"sub{kind.suffix}")
    assert offered_to(program).complete(name, "STAR file (*.star)") == name


def test_what_is_offered_depends_on_whose_particles_they_are() -> None:
    assert [one.suffix for one in offered_to("RELION")] == [".star", ".npy", ".pkl"]
    assert [one.suffix for one in offered_to("cryoSPARC")] == [".cs", ".star", ".npy", ".pkl"]
    assert [program_of(f) for f in ("relion31", "cryosparc")] == ["RELION", "cryoSPARC"]
    for name, program in (("a.cs", "cryoSPARC"), ("a.star", "RELION"), ("a.npy", "RELION")):
        assert program_of_file(Path(name)) == program
    assert program_of_file(None) == "RELION"
