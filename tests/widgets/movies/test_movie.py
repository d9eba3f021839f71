"""Movies without a window: frames that move, a true scale bar, steps that are only extrapolated."""

from dataclasses import replace

import imageio.v2 as imageio
import numpy as np
import pytest
from explore_fakes import PIXEL_SIZE, FakeJob, ball
from scipy import ndimage

from napari_conformix.analysis.paths import making
from napari_conformix.errors import UserError
from napari_conformix.export.movie_plan import View, options_from
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.widgets.movies.inset import Inset, latent_view_of, plain_colours
from napari_conformix.widgets.movies.movie import default_path, make_film, record, write_movie
from napari_conformix.widgets.movies.overlays import Overlays, as_array, scale_bar
from napari_conformix.widgets.movies.studio import Studio, turned, view_of

SIZE = {"width": 240, "height": 200}
PLAIN = {"inset": None, "scale_bar": False, "label": False}


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> FakeJob:
    return FakeJob(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def path(job: FakeJob):
    return making.along_motion(job.latents(), 1, 4, half=1)


@pytest.fixture(scope="module", autouse=True)
def _studio(screen):
    yield
    Studio.shut_down()


def blue(frame: np.ndarray) -> np.ndarray:
    """Pixels of the conformation."""
    rgb = frame.astype(int)
    return (rgb[..., 2] > rgb[..., 0] + 25) & (rgb[..., 2] > 60)


def blobs(frame: np.ndarray) -> np.ndarray:
    """(n, 2) x, y of the centres of bright things, from left to right."""
    labels, count = ndimage.label(frame.max(axis=-1) > 12)
    boxes = ndimage.find_objects(labels)[:count]
    centres = [[(s.start + s.stop) / 2 for s in box][::-1] for box in boxes]
    return np.array(sorted(centres))


def drawn(job, path, **options) -> np.ndarray:
    """(frames, h, w, 3) as they are handed to the encoder."""
    film = make_film(job, path, options_from(**{**SIZE, **options}))
    film.open()
    film.begin()
    film.set_up()
    frames = np.stack([film.draw(shot) for shot in film.shots])
    film.close()
    return frames


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_movie_shows_the_motion_there_and_back(tmp_path, suffix: str) -> None:
    job, told = FakeJob(tmp_path), []
    path = making.along_motion(job.latents(), 1, 4, half=2)
    file = write_movie(
        job,
        tmp_path / f"film{suffix}",
        path=path,
        width=241,
        height=200,
        inset=None,
        turn_degrees=360 if suffix == ".mp4" else 0,
        progress=lambda done, total: told.append((done, total)),
    )
    frames = np.stack([f[..., :3] for f in imageio.get_reader(file)]).astype(int)
    count = 7 if suffix == ".mp4" else 6  # a GIF repeats itself: its first frame follows its last
    assert frames.shape == (count, 200, 240, 3)
    assert told == [(i, count) for i in range(1, count + 1)]
    assert len(job.decoded) == 4  # the way back is not decoded again
    assert sorted({path.name for path in tmp_path.glob("*film*")}) == [file.name]
    if suffix == ".mp4":
        assert np.abs(frames[0] - frames[-1]).mean() < 1  # where it began, after a full turn
        return
    ball_x = [np.argwhere(blue(frame)[:70])[:, 1].mean() for frame in frames]
    assert np.all(np.diff(ball_x[:4]) > 8) or np.all(np.diff(ball_x[:4]) < -8)
    assert ball_x[1] == pytest.approx(ball_x[5], abs=1)
    assert (frames[0, :60, :100].sum(axis=-1) > 600).sum() > 50  # the caption is in the picture


def test_wrong_names_are_refused_before_any_work(tmp_path) -> None:
    job = FakeJob(tmp_path)
    (tmp_path / "there.gif").touch()
    for name, said in (("film.avi", r"\.mp4"), ("no/film.mp4", "folder"), ("there.gif", "exists")):
        with pytest.raises(UserError, match=said):
            write_movie(job, tmp_path / name)
    with pytest.raises(UserError, match="half 3"):
        write_movie(job, tmp_path / "film.mp4", half=3)
    with pytest.raises(UserError, match="quality"):
        write_movie(job, tmp_path / "film.mp4", quality=11)
    assert job.decoded == []


def test_a_movie_that_is_stopped_or_fails_leaves_nothing(tmp_path, monkeypatch) -> None:
    job, told = FakeJob(tmp_path), []
    path = making.along_motion(job.latents(), 1, 4, half=1)
    options = {"path": path, **SIZE, "progress": lambda *at: told.append(at)}
    stopped = write_movie(job, tmp_path / "a.mp4", stop=lambda: len(told) == 2, **options)
    assert stopped is None
    assert len(told) == 2

    def fails(*_args, **_options):
        raise UserError("The model is gone.")

    monkeypatch.setattr(job, "decode", fails)
    with pytest.raises(UserError, match="gone"):
        write_movie(job, tmp_path / "b.gif", **options)
    assert {p.suffix for p in tmp_path.iterdir()} == {".mrc", ".jsonl"}


def test_without_a_path_it_goes_along_the_first_motion(job) -> None:
    path = default_path(job, 2)
    angles = [job.angle_of(latent, 2) for latent in path.latents]
    assert (path.axis, path.half, len(path)) == ("Motion 1", 2, 24)
    assert sorted(angles) in (angles, angles[::-1])
    assert [min(angles), max(angles)] == pytest.approx([-36, 36], abs=3)


# -- what a frame shows ---------------------------------------------------------------------------


def test_steps_without_particles_are_grey_and_say_so(job, path) -> None:
    lonely = replace(path, support=np.array([5, 0, 7, 9]))
    film = make_film(job, lonely, options_from(**SIZE))
    assert film.caption(1).warning == "No particle near: extrapolated"
    assert film.caption(0).warning == ""
    assert film.caption(0).lines[-1] == "5 particles near"
    frames = drawn(job, lonely, **PLAIN, there_and_back=False, consensus=False)
    shares = [blue(frame).sum() / (frame.max(axis=-1) > 60).sum() for frame in frames]
    assert min(shares[0], shares[2], shares[3]) > 0.9
    assert shares[1] < 0.1
    unlabelled = make_film(job, lonely, options_from(**SIZE, label=False))
    assert unlabelled.caption(0) is None
    assert unlabelled.caption(1).lines == ()
    assert unlabelled.caption(1).warning


def test_the_caption_has_step_position_model_and_support(job, path) -> None:
    caption = make_film(job, path, options_from(title="Swing")).caption(2)
    assert caption.title == "Swing"
    assert caption.lines == (
        "Step 3 of 4",
        f"Motion 1: {path.positions[2]:+.2f} Å RMS",
        "Half 1, epoch 12",
        f"{path.support[2]:,} particles near",
    )


def test_one_contour_holds_for_all_frames_in_the_maps_own_units(job, path) -> None:
    near = {"consensus": False, "view": View(field_angstrom=150)}

    def area(contour: float) -> np.ndarray:
        frames = drawn(job, path, **PLAIN, **near, contour=contour, there_and_back=False)
        return np.array([blue(frame).sum() for frame in frames])

    low, high = area(0.3), area(0.7)
    assert np.all(low > 1.5 * high)
    assert low.max() < 1.1 * low.min()  # the fake's balls keep their size


def test_a_contour_that_a_map_does_not_reach_is_said(job, path) -> None:
    film = make_film(job, path, options_from(**SIZE, contour=5.0))
    assert film.caption(0, empty=True).warning == "No surface at this contour"
    frames = drawn(job, path, **PLAIN, contour=5.0, there_and_back=False, title="x")
    assert not blue(frames[0]).any()


def test_the_background_and_the_words_on_it(job, path) -> None:
    frames = drawn(job, path, background="white", there_and_back=False, inset=None)
    assert np.all(frames[:, 100, 3] == 255)
    assert (frames[0, :60, :100].max(axis=-1) < 90).sum() > 50  # dark words


def test_the_molecule_is_never_cut_off_while_it_turns(job, path) -> None:
    for size in ({"width": 240, "height": 120}, {"width": 120, "height": 240}):
        frames = drawn(job, path, **PLAIN, **size, turn_degrees=360, seconds=1)
        lit = frames.max(axis=-1) > 40
        assert not lit[:, [0, -1]].any()
        assert not lit[:, :, [0, -1]].any()
        share = np.ptp(np.argwhere(lit.any(axis=0)), axis=0) / lit.shape[1:]
        assert share.max() > 0.6  # and it fills the picture
    wide = drawn(job, path, **PLAIN, turn_degrees=360, seconds=1, view=View(perspective_degrees=60))
    lit = wide.max(axis=-1) > 40
    assert not lit[:, [0, -1]].any()
    assert not lit[:, :, [0, -1]].any()


# -- the camera and the scale bar -----------------------------------------------------------------


def studio_with_balls(*centres: tuple[float, float, float]) -> Studio:
    studio = Studio.open()
    array = np.max([ball(centre, 9.0) for centre in centres], axis=0)
    studio.scene.show_prepared(studio.scene.prepare(array, PIXEL_SIZE, 0.5), consensus=True)
    studio.viewer.canvas.overlays.scale_bar.visible = False
    studio.set_background((0, 0, 0))
    return studio


@pytest.mark.parametrize("size", [(300, 220), (200, 320)])
@pytest.mark.parametrize("perspective", [0.0, 45.0])
def test_the_scale_bar_is_as_long_as_what_it_measures(size, perspective: float) -> None:
    view = View(field_angstrom=110.0, perspective_degrees=perspective)
    bar = scale_bar(view.field_angstrom, *size, perspective)
    measured = []
    for depth in (0.0, 24.0):
        studio = studio_with_balls((-24, 0, depth), (24, 0, depth))
        studio.set_size(*size)
        studio.look(view)
        left, right = blobs(studio.picture(*size))
        measured.append(np.linalg.norm(right - left) * bar.angstrom / bar.pixels)
    assert measured[0] == pytest.approx(48.0, rel=0.02)  # at the depth of the centre
    if perspective:
        assert measured[1] > 1.1 * measured[0]  # nearer, and so larger
        assert "depth of the centre" in bar.text
    else:
        assert measured[1] == pytest.approx(48.0, rel=0.02)
        assert bar.text == f"{bar.angstrom:g} Å"


def test_the_bar_that_is_painted_has_that_length() -> None:
    bar = scale_bar(123.0, 400, 300)
    nothing = np.zeros((300, 400, 3), np.uint8)
    painted = Overlays(400, 300, light=False).paint(nothing, None, bar, None)
    rows = (painted[260:] > 200).all(axis=-1).sum(axis=1)
    assert rows.max() == pytest.approx(bar.pixels, abs=1.5)
    assert bar.angstrom in (10, 20, 50)
    assert bar.pixels <= 0.25 * 400


TILTED = View(direction=(0.3, -0.5, -0.8), up=(0.1, 1.0, 0.2), centre_angstrom=(5, -3, 2))


@pytest.mark.parametrize("view", [View(), TILTED])
def test_a_turn_is_about_the_vertical_of_the_picture(view: View) -> None:
    view = view.model_copy(update={"field_angstrom": 110.0})
    size, centres = (240, 240), np.array([(-24.0, 15.0, 6.0), (24.0, -12.0, 21.0)])
    studio = studio_with_balls(*map(tuple, centres))
    studio.set_size(*size)
    for degrees in (0.0, 25.0, 200.0, 360.0):
        studio.look(view, degrees)
        direction, up = turned(view, degrees)
        offset = centres - view.centre_angstrom
        scale = 240 / 110
        x, y = 120 + scale * offset @ np.cross(direction, up), 120 - scale * offset @ up
        seen = blobs(studio.picture(*size))
        assert np.abs(seen - np.array(sorted(zip(x, y, strict=True)))).max() < 2.5, degrees
    again = view_of(studio.viewer)
    assert again.field_angstrom == pytest.approx(110.0)
    assert again.centre_angstrom == pytest.approx(view.centre_angstrom)
    assert again.direction == pytest.approx(tuple(turned(view, 0)[0]), abs=1e-6)


# -- the latent space view -------------------------------------------------------------------------


def test_the_ring_in_the_view_is_where_the_step_is(job, path) -> None:
    view = latent_view_of(job, path)
    assert view.space.key == "motion"
    places = making.place_on_view(path, view)
    inset = Inset(view, plain_colours(view), path, places, 230)
    pictures = [as_array(inset.picture(step)) for step in range(len(path))]
    for step, place in enumerate(inset._camera.to_pixels(places)):
        others = pictures[(step + 2) % 4].astype(int)
        ring = np.argwhere((pictures[step].astype(int) - others).max(axis=-1) > 60)[:, ::-1]
        near = ring[np.linalg.norm(ring - place, axis=1) < 14]
        assert len(near) > 15
        assert near.mean(axis=0) == pytest.approx(place, abs=2.0)


def test_a_path_made_in_a_view_is_shown_in_that_view(job) -> None:
    table = job.latents()
    component = making.along_component(table, 2, 5, half=2)
    assert (latent_view_of(job, component).space.key, latent_view_of(job, component).axes) == (
        "pca2",
        (0, 1),
    )
    third = making.along_motion(table, 3, 5, half=2)
    assert (latent_view_of(job, third).space.key, latent_view_of(job, third).axes) == (
        "motion",
        (0, 2),
    )


def test_of_a_single_component_there_is_a_movie_without_a_view(job) -> None:
    table = job.latents()
    whole = np.zeros(len(table.half), np.int8)
    table = LatentTable(**vars(table) | {"mean": table.mean[:, :1], "std": table.std[:, :1],
                                         "half": whole, "motion": None})  # fmt: skip
    single = FakeJob(job.folder)
    single.latents = lambda epoch=None: table
    path = making.along_component(table, 1, 3, half=0)
    assert latent_view_of(single, path) is None
    film = make_film(single, path, options_from(**SIZE))
    film.open()
    assert film._make_inset(film._find_view()) is None
    film.close()


def test_the_inset_takes_its_corner(job, path) -> None:
    plain = drawn(job, path, there_and_back=False, **PLAIN)
    for corner, (rows, columns) in {
        "bottom right": (slice(120, 200), slice(170, 240)),
        "top left": (slice(0, 80), slice(0, 70)),
    }.items():
        frames = drawn(job, path, there_and_back=False, **{**PLAIN, "inset": corner})
        changed = (frames != plain).any(axis=(0, -1))
        assert changed[rows, columns].mean() > 0.4
        changed[rows, columns] = False
        assert not changed.any()


def test_recording_gives_the_studio_back(job, path, tmp_path) -> None:
    film = make_film(job, path, options_from(**SIZE))
    assert record(film, tmp_path / "a.gif") == tmp_path / "a.gif"
    assert not any(layer.visible for layer in Studio.open().viewer.layers)
