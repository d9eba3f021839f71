"""Nothing is lost on the way out."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_files import RELION31

from napari_conformix.errors import UserError
from napari_conformix.particles import ImageReader, read_particles, write_particles


def test_all_rows_give_the_same_bytes(project: Path) -> None:
    out = project.with_name("all.star")
    write_particles(read_particles(project), range(4), out)
    assert out.read_bytes() == project.read_bytes()


def test_chosen_rows_are_the_very_lines(project: Path) -> None:
    out = project.with_name("some.star")
    write_particles(read_particles(project), [3, 1], out)
    head, rows = RELION31[: RELION31.index("000001@")], RELION31.splitlines()[-5:-1]
    assert out.read_text() == head + rows[3] + "\n" + rows[1] + "\n\n"
    p = read_particles(out)
    assert p.optics_index.tolist() == [1, 0]
    assert len(ImageReader(p).read([0])) == 1  # its stacks still resolve from here


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["00012", "1e5", '"a b"', "-0.0", "x'y", "1."]), min_size=1))
def test_any_text_survives(tmp_path_factory, values: list[str]) -> None:
    folder = tmp_path_factory.mktemp("w")
    rows = [f"{i + 1}@s.mrcs\t{v}   {i}  " for i, v in enumerate(values)]
    head = "data_\nloop_\n_rlnImageName\n_rlnOther\n_rlnLast\n"
    (folder / "in.star").write_text(head + "\n".join(rows))  # the last line has no newline
    p = read_particles(folder / "in.star")
    chosen = list(range(len(rows)))[::-2]
    write_particles(p, chosen, folder / "out.star")
    assert (folder / "out.star").read_text() == head + "".join(rows[i] + "\n" for i in chosen)


def test_half_sets_replace_a_column(project: Path) -> None:
    out = project.with_name("half.star")
    p = read_particles(project)
    write_particles(p, [0, 1, 3], out, half=np.array([2, 2, 1, 1]))
    assert read_particles(out).half.tolist() == [2, 2, 1]
    before = p.source.table.row(0).replace(b"15.5  1 1e5", b"15.5  2 1e5")
    assert before in out.read_bytes()
    assert p.source.table.row(1) in out.read_bytes()  # its half was 2 and stays


def test_half_sets_add_a_column(project: Path) -> None:
    text = project.read_text().replace("_rlnRandomSubset #11", "_rlnClassNumber #11")
    project.write_text(text.replace("1e5\n", '"with space" \r\n'))
    out = project.with_name("half.star")
    write_particles(read_particles(project), [0, 1, 2], out, half=[1, 2, 1, 2])
    p = read_particles(out)
    assert p.half.tolist() == [1, 2, 1]
    assert p.columns[-1] == "rlnRandomSubset"
    assert "_rlnRandomSubset #13 \n000001@" in out.read_text()
    assert p.column("rlnMicrographName").tolist() == ["with space", "00012", "nan"]
    assert set(p.column("rlnClassNumber")) == {1, 2}


def test_every_other_table_stays(project: Path) -> None:
    extra = "data_general\n\n_rlnOutcome   3.250 # kept\n\n"
    after = "\n# version 50001\n\ndata_later\n\nloop_\n_rlnA #1\n00007\n\n"
    project.write_text(extra + project.read_text() + after)
    out = project.with_name("some.star")
    write_particles(read_particles(project), [2], out)
    assert out.read_text().startswith(extra)
    assert out.read_text().endswith(after)


def test_the_source_may_be_gone_or_changed(project: Path) -> None:
    p = read_particles(project)
    project.write_text("data_other\n")
    out = project.with_name("some.star")
    write_particles(p, [0], out)
    assert len(read_particles(out)) == 1


def test_refusals(project: Path) -> None:
    p = read_particles(project)
    with pytest.raises(UserError, match="the file the particles came from"):
        write_particles(p, [0], project)
    link = project.with_name("link.star")
    link.symlink_to(project)
    with pytest.raises(UserError, match="the file the particles came from"):
        write_particles(p, [0], link)
    out = project.with_name("out.star")
    with pytest.raises(UserError, match="empty"):
        write_particles(p, [], out)
    with pytest.raises(UserError, match=r"end the name with \.star"):
        write_particles(p, [0], project.with_name("out.cs"))
    with pytest.raises(ValueError, match="1 and 2"):
        write_particles(p, [0], out, half=[0, 1, 2, 1])
    with pytest.raises(ValueError, match="shape"):
        write_particles(p, [0], out, half=[1])
    with pytest.raises(UserError, match="Cannot write"):
        write_particles(p, [0], project.parent / "none" / "out.star")
    assert not out.exists()
    assert project.read_text() == RELION31


def test_a_full_disk_leaves_the_old_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = project.with_name("out.star")
    out.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_conformix.runs.files.os.replace", full)
    with pytest.raises(UserError, match=r"out\.star: No space left"):
        write_particles(read_particles(project), [0], out)
    assert out.read_text() == "old"
    assert sorted(f.name for f in out.parent.iterdir()) == ["out.star", "run_data.star"]


def test_line_ends_of_windows_become_those_relion_reads(project: Path) -> None:
    unix = project.read_bytes()
    project.write_bytes(unix.replace(b"\n", b"\r\n"))
    out = project.with_name("all.star")
    write_particles(read_particles(project), range(4), out)
    assert out.read_bytes() == unix


@pytest.mark.relion
def test_relion_reads_it(project: Path) -> None:
    """relion_star_handler counts the particles of a subset and of both half sets."""
    out = project.with_name("half.star")
    write_particles(read_particles(project), [0, 1, 3], out, half=[1, 2, 2, 2])
    assert shutil.which("relion_star_handler")
    command = ["relion_star_handler", "--i", str(out), "--o", str(project.with_name("r.star"))]
    subprocess.run([*command, "--split", "--size_split", "2"], check=True, capture_output=True)
    split = [starfile.read(f)["particles"] for f in sorted(project.parent.glob("r_split*.star"))]
    assert [len(part) for part in split] == [2, 1]
    ours = starfile.read(out)["particles"]
    for label in ("rlnImageName", "rlnOriginXAngst", "rlnDefocusAngle", "rlnRandomSubset"):
        theirs = [v for part in split for v in part[label]]
        assert theirs == ours[label].tolist()
    optics = starfile.read(next(iter(project.parent.glob("r_split*.star"))))["optics"]
    assert re.fullmatch(r"0*12", str(optics["rlnOpticsGroupName"][1]))


def test_the_half_set_is_found_among_quoted_values(tmp_path: Path) -> None:
    rows = ["1@s.mrcs 'a b' 1 \"c d\"", '  2@s.mrcs x 2\t"e" ', "3@s.mrcs \"x'\" 2 'f'"]
    head = "data_\nloop_\n_rlnImageName\n_rlnA\n_rlnRandomSubset\n_rlnB\n"
    (tmp_path / "in.star").write_text(head + "\n".join(rows) + "\n")
    out = tmp_path / "out.star"
    write_particles(read_particles(tmp_path / "in.star"), [0, 1, 2], out, half=[2, 1, 1])
    changed = ["1@s.mrcs 'a b' 2 \"c d\"", '  2@s.mrcs x 1\t"e" ', "3@s.mrcs \"x'\" 1 'f'"]
    assert out.read_text() == head + "\n".join(changed) + "\n"
