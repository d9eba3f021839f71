"""Images come back as they were stored, in the order asked, whatever the file's make."""

import os
import pickle
from multiprocessing import get_context
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from particle_files import write_stack

from napari_conformix.errors import UserError
from napari_conformix.particles import (
    ImageReader,
    ParticleSet,
    images,
    read_map,
    read_mrc_header,
    read_particles,
    write_map,
)


def particles_of(folder: Path, stacks: dict[str, int]) -> ParticleSet:
    """A set of all images of some stacks that lie in `folder`."""
    lines = [f"{i + 1}@{name}" for name, count in stacks.items() for i in range(count)]
    star = folder / "p.star"
    star.write_text("data_\nloop_\n_rlnImageName\n" + "\n".join(lines) + "\n")
    return read_particles(star)


def numbered(count: int, box: int, start: int = 0) -> np.ndarray:
    """Images whose every pixel differs, all exact in float16."""
    pixels = np.arange(count * box * box).reshape(count, box, box)
    return (pixels + start) % 100


@pytest.mark.parametrize("dtype", ["f4", "f2", "i1", "i2", "u2"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".mrcs", ".mrc"])
def test_every_pixel_type_and_byte_order(
    tmp_path: Path, dtype: str, order: str, suffix: str
) -> None:
    stored = numbered(5, 8).astype(dtype)
    path = tmp_path / f"s{suffix}"
    write_stack(path, stored.astype(np.dtype(dtype).newbyteorder(order)))
    p = particles_of(tmp_path, {path.name: 5})
    reader = ImageReader(p)
    got = reader.read([3, 0, 3])
    assert got.dtype == np.float32
    assert np.array_equal(got, stored[[3, 0, 3]].astype(np.float32))
    assert reader.dtype(0) == np.dtype(dtype).newbyteorder(order)
    assert reader.boxes().tolist() == [8] * 5
    assert reader.bytes_on_disk() == stored.nbytes


@pytest.mark.parametrize("fault", ["no map id", "no stamp", "wrong stamp", "extended header"])
def test_headers_of_the_wild(tmp_path: Path, fault: str) -> None:
    stored = numbered(4, 8).astype(np.float32)
    path = tmp_path / "s.mrcs"
    write_stack(path, stored)
    raw = bytearray(path.read_bytes())
    if fault == "no map id":
        raw[208:212] = b"\0\0\0\0"
    elif fault == "no stamp":
        raw[212:216] = b"\0\0\0\0"
    elif fault == "wrong stamp":
        raw[212:216] = b"\x11\x11\0\0"  # says big-endian
    else:
        raw[92:96] = (80).to_bytes(4, "little")
        raw[1024:1024] = b"x" * 80
    path.write_bytes(raw)
    assert np.array_equal(ImageReader(particles_of(tmp_path, {"s.mrcs": 4})).read([2]), stored[[2]])


@pytest.mark.parametrize("order", ["little", "big"])
def test_byte_order_where_both_make_sense(tmp_path: Path, order: str) -> None:
    """Mode 0 is 0 in both orders, and 256 becomes 65536."""
    words = [256, 256, 512, 0]  # nx, ny, nz, mode
    header = b"".join(word.to_bytes(4, order) for word in words)
    (tmp_path / "s.mrcs").write_bytes(header.ljust(1024, b"\0") + bytes(256 * 256 * 3))
    found = read_mrc_header(tmp_path / "s.mrcs")
    assert (found.width, found.height, found.images) == (256, 256, 512)
    assert found.complete_images == 3
    assert found.truncated


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 11), max_size=30))
def test_any_order_with_repeats(tmp_path_factory, rows: list[int]) -> None:
    folder = tmp_path_factory.mktemp("order")
    stacks = {name: numbered(4, 6, k).astype(np.float32) for k, name in enumerate("abc")}
    for name, stored in stacks.items():
        write_stack(folder / f"{name}.mrcs", stored)
    p = particles_of(folder, {f"{name}.mrcs": 4 for name in stacks})
    whole = np.concatenate(list(stacks.values()))
    got = ImageReader(p).read(rows)
    assert np.array_equal(got, whole[rows] if rows else np.empty((0, 0, 0)))


def test_few_files_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_OPEN_FILES", 3)
    for k in range(10):
        write_stack(tmp_path / f"s{k}.mrcs", np.full((1, 4, 4), k, np.float32))
    reader = ImageReader(particles_of(tmp_path, {f"s{k}.mrcs": 1 for k in range(10)}))
    before = len(os.listdir("/proc/self/fd"))
    assert reader.read(range(10))[:, 0, 0].tolist() == list(range(10))
    assert len(os.listdir("/proc/self/fd")) - before <= 3
    reader.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert reader.read([7])[0, 0, 0] == 7


def _first_pixel(reader: ImageReader, row: int, queue) -> None:
    queue.put(float(reader.read([row])[0, 0, 0]))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_what_the_parent_reads(tmp_path: Path, method: str) -> None:
    write_stack(tmp_path / "s.mrcs", numbered(3, 4).astype(np.float32))
    reader = ImageReader(particles_of(tmp_path, {"s.mrcs": 3}))
    expected = float(reader.read([2])[0, 0, 0])
    if method == "spawn":
        # what spawning does to the reader, without the seconds that a new interpreter takes
        assert float(pickle.loads(pickle.dumps(reader)).read([2])[0, 0, 0]) == expected
        return
    context = get_context(method)
    queue = context.Queue()
    worker = context.Process(target=_first_pixel, args=(reader, 2, queue))
    worker.start()
    assert queue.get(timeout=20) == expected
    worker.join()
    assert float(reader.read([2])[0, 0, 0]) == expected


def test_a_truncated_stack_names_itself_and_the_row(tmp_path: Path) -> None:
    write_stack(tmp_path / "s.mrcs", numbered(5, 8).astype(np.float32))
    p = particles_of(tmp_path, {"s.mrcs": 5})
    reader = ImageReader(p)
    assert len(reader.read(range(5))) == 5
    os.truncate(tmp_path / "s.mrcs", 1024 + 3 * 256 + 17)  # while the reader has it open
    assert len(reader.read([0, 1, 2])) == 3
    with pytest.raises(
        UserError, match=r"s\.mrcs is cut short: 3 of its 5 .* row 4 asks for image 4"
    ):
        reader.read(range(5))
    with pytest.raises(UserError, match="row 5 asks for image 5"):
        ImageReader(p).read([4])


def test_an_index_beyond_and_a_missing_stack(tmp_path: Path) -> None:
    write_stack(tmp_path / "s.mrcs", numbered(2, 8).astype(np.float32))
    p = particles_of(tmp_path, {"s.mrcs": 3, "gone.mrcs": 1})
    with pytest.raises(UserError, match=r"holds 2 images; row 3 asks for image 3"):
        ImageReader(p).read([1, 2])
    with pytest.raises(UserError, match=r"Cannot read .*gone\.mrcs"):
        ImageReader(p).read([3])


def test_boxes_do_not_mix_silently(project: Path) -> None:
    reader = ImageReader(read_particles(project))
    assert reader.boxes().tolist() == [16, 16, 16, 32]
    with pytest.raises(ValueError, match="several boxes"):
        reader.read([0, 3])
    assert reader.read([3]).shape == (1, 32, 32)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "0 bytes long"), (b"x" * 5000, "makes no sense"), (b"\0" * 2000, "makes no sense")],
)
def test_no_mrc(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.mrc"
    path.write_bytes(content)
    with pytest.raises(UserError, match=says):
        read_mrc_header(path)


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mrc"
    write_stack(path, np.zeros((2, 4, 4), np.complex64))
    with pytest.raises(UserError, match="mode 4"):
        read_mrc_header(path)


# -- maps -----------------------------------------------------------------------------------------


def test_a_map_comes_back(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).normal(size=(6, 8, 10)).astype(np.float32)
    path = tmp_path / "map.mrc"
    write_map(path, volume, 1.25)
    got, pixel_size = read_map(path)
    assert np.array_equal(got, volume)
    assert pixel_size == pytest.approx(1.25)
    got[0] = 0  # a copy that may be written to
    assert [p.name for p in tmp_path.iterdir()] == ["map.mrc"]
    with pytest.raises(UserError, match="Cannot write"):
        write_map(tmp_path / "no folder" / "map.mrc", volume, 1.0)
    with pytest.raises(ValueError, match="three axes"):
        write_map(path, volume[0], 1.0)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3), (2, 3, 1), (3, 1, 2)])
def test_axes_in_any_order(tmp_path: Path, order: tuple[int, int, int]) -> None:
    """`order` is (mapc, mapr, maps): which of x, y, z runs along columns, rows, sections."""
    volume = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)  # z, y, x
    axis = {1: 2, 2: 1, 3: 0}  # of x, y, z in `volume`
    with mrcfile.new(tmp_path / "map.mrc") as mrc:
        mrc.set_data(np.transpose(volume, [axis[k] for k in order[::-1]]).copy())
        mrc.header.mapc, mrc.header.mapr, mrc.header.maps = order
    assert np.array_equal(read_map(tmp_path / "map.mrc")[0], volume)


def test_maps_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "map.mrc"
    write_map(path, np.zeros((8, 8, 8), np.float32), 1.0)
    with mrcfile.open(path, "r+") as mrc:
        mrc.voxel_size = (1.0, 1.0, 1.1)
    with pytest.raises(UserError, match="must be cubes"):
        read_map(path)
    os.truncate(path, 1500)
    with pytest.raises(UserError, match="cut short: it holds 1 of 8 sections"):
        read_map(path)
    with pytest.raises(UserError, match="Cannot read"):
        read_map(tmp_path / "none.mrc")
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(np.zeros((8, 8), np.float32))
    with pytest.raises(UserError, match="not a 3-D map"):
        read_map(path)
