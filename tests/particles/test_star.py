"""STAR files: what is read is what was written, and what is wrong is told with its line."""

from pathlib import Path

import numpy as np
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_conformix.errors import UserError
from napari_conformix.particles.star import StarTable, read_star

plain = st.text(
    st.characters(codec="utf-8", min_codepoint=33, exclude_categories=("Z", "C")), min_size=1
).filter(lambda t: not t.startswith(("#", "_", "data_", "loop_")) and not set(t) & set("\"'"))
quoted = st.text(st.sampled_from("ab 0.#_'"), min_size=1).map(lambda t: f'"{t}"')
familiar = st.sampled_from(
    ["00012", "1e5", "nan", "None", "NA", "<NA>", "-0", "1.50", "007@a.mrcs"]
)
value = st.one_of(plain, quoted, familiar)
tables = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(value, min_size=k, max_size=k), max_size=8).map(lambda r: (k, r))
)


def loop(name: str, columns: int, rows: list[list[str]], gap: str = "  ", end: str = "\n") -> str:
    lines = [f"data_{name}", "", "loop_", *(f"_rlnC{k} #{k + 1}" for k in range(columns))]
    return end.join([*lines, *(gap.join(row) + " " for row in rows), "", ""])


def read_text(folder: Path, text: str) -> list[StarTable]:
    path = folder / "x.star"
    path.write_bytes(text.encode("utf-8"))
    return list(read_star(path).tables)


def bare(text: str) -> str:
    return text[1:-1] if text[0] == '"' and text[-1] == '"' and len(text) > 1 else text


@settings(max_examples=150, deadline=None)
@given(tables, tables, st.sampled_from([" ", "\t", "   "]), st.sampled_from(["\n", "\r\n"]))
def test_every_value_survives(tmp_path_factory, one, two, gap, end) -> None:
    folder = tmp_path_factory.mktemp("star")
    found = read_text(folder, loop("", *one, gap, end) + loop("more", *two, gap, end))
    assert [t.name for t in found] == ["", "more"]
    for table, (columns, rows) in zip(found, (one, two), strict=True):
        assert len(table) == len(rows)
        for k in range(columns):
            assert table.texts(f"rlnC{k}").tolist() == [bare(row[k]) for row in rows]
        for i, row in enumerate(rows):
            assert table.row(i).decode().split() == gap.join(row).split()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20))
def test_numbers_are_those_of_python(tmp_path_factory, numbers) -> None:
    folder = tmp_path_factory.mktemp("star")
    (table,) = read_text(folder, loop("x", 2, [[repr(v), "a"] for v in numbers]))
    np.testing.assert_allclose(table.numbers(["rlnC0"])["rlnC0"], numbers, rtol=1e-15)


def test_agrees_with_starfile(project: Path) -> None:
    reference = starfile.read(project, parse_as_string=["rlnMicrographName", "rlnOpticsGroupName"])
    ours = read_star(project)
    for name in ("optics", "particles"):
        table = ours.table(name)
        assert list(table.labels) == list(reference[name].columns)
        for label in table.labels:
            assert table.column(label).tolist() == reference[name][label].tolist() or (
                label == "rlnMicrographName"
            )
    assert ours.table("particles").texts("rlnMicrographName").tolist() == [
        "1e5", "00012", "nan", "7_8",
    ]  # fmt: skip


def test_lists_comments_and_a_file_without_last_newline(tmp_path: Path) -> None:
    text = (
        "# a comment\ndata_general\n\n_rlnFinalResolution  3.5 # A\n_rlnName 'two words'\n\n"
        "data_x\nloop_\n_rlnA #1\n# inside\n_rlnB #2\n1 a\n# between rows\n2 b#c\n3 d"
    )
    general, x = read_text(tmp_path, text)
    assert general.column("rlnFinalResolution").tolist() == [3.5]
    assert general.texts("rlnName").tolist() == ["two words"]
    assert x.column("rlnA").tolist() == [1, 2, 3]
    assert x.texts("rlnB").tolist() == ["a", "b#c", "d"]


def test_a_row_may_begin_like_a_block(tmp_path: Path) -> None:
    (table,) = read_text(tmp_path, loop("x", 2, [["data_7/mic.mrc", "1"], ["loop_a", "2"]]))
    assert table.texts("rlnC0").tolist() == ["data_7/mic.mrc", "loop_a"]


def test_chunks_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[str(i), "x" * (i % 7 + 1)] for i in range(500)]
    monkeypatch.setattr("napari_conformix.particles.star._CHUNK", 64)
    (table,) = read_text(tmp_path, loop("x", 2, rows))
    assert table.column("rlnC0").tolist() == list(range(500))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no data_ block"),
        ("hello world\n", "line 1"),
        ("data_\n", "no data_ block"),
        ("data_x\nloop_\n1 2 3\n", "not followed by column names"),
        ("data_x\nloop_\n_rlnA\n_rlnB\n1 2\n3\n", "line 6: row 2"),
        ("data_x\nloop_\n_rlnA\n_rlnB\n1 2\n3 4 5\n6 7\n", "line 6: row 2"),
        ("data_x\nloop_\n_rlnA\n1\n\n2\n", "line 6: text outside"),
        ("data_x\n_rlnA\n", "no value"),
        ("data_x\nloop_\n_rlnA\n1\x0b2\n", "control character"),
        ("data_x\0", "binary"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_text(tmp_path, text)


def test_a_cut_file_says_so(project: Path) -> None:
    project.write_bytes(project.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"run_data\.star, line 39: row 4.*cut short"):
        read_star(project)


def test_a_word_among_numbers_is_named(tmp_path: Path) -> None:
    (table,) = read_text(tmp_path, loop("x", 2, [["1", "a"], ["nan", "b"], ["1,5", "c"]]))
    with pytest.raises(UserError, match=r"row 3 \(line 8\), column rlnC0: '1,5' is not a number"):
        table.numbers(["rlnC0"])
    assert table.column("rlnC0").tolist() == ["1", "nan", "1,5"]
