"""The table of all particles' motions, against the closed form."""

from pathlib import Path

import numpy as np
import pytest
from moving_method import Moving, MovingWhole, particles

from napari_conformix.analysis.motion import Fields, MotionTable, motion_table
from napari_conformix.analysis.motion import fields as fields_module


def made(method: Moving, **settings: float) -> tuple[MotionTable, Fields]:
    fields = Fields(method, particles(method, **settings)[0])
    table = motion_table(fields)
    assert table is not None
    return table, fields


def test_amount_place_and_direction_are_those_of_the_fields() -> None:
    method = Moving(offset=0.3)
    table, fields = made(method)
    positions = fields.table_positions.astype(np.float64)
    for row in range(0, 200, 7):
        latents = fields.latents_of(row)
        field = np.mean(
            [
                method.field((z.astype(float) @ method.mixing[h])[None], positions, h)[0]
                for h, z in latents.items()
            ],
            axis=0,
        )
        amount = np.linalg.norm(field, axis=1)
        assert table.rms_displacement[row] == pytest.approx(np.sqrt((amount**2).mean()), rel=1e-4)
        assert table.peak_displacement[row] == pytest.approx(amount.max(), rel=1e-4)
        np.testing.assert_allclose(table.peak_position[row], positions[amount.argmax()], rtol=1e-5)
        weighted = (field * amount[:, None]).sum(0)
        np.testing.assert_allclose(
            table.direction[row], weighted / np.linalg.norm(weighted), atol=1e-4
        )


def test_held_out_particles_have_an_error_of_their_own_and_others_an_estimate() -> None:
    method = Moving(offset=0.3)
    table, fields = made(method, count=1000)
    held_out = fields.table.validation
    assert np.isfinite(table.rms_error[held_out]).all()
    assert np.isnan(table.rms_error[~held_out]).all()
    assert np.isnan(table.ratio[~held_out]).all()
    for row in np.flatnonzero(held_out)[::17]:
        both = fields.latents_of(int(row))
        apart = np.subtract(*(fields.evaluate(both[h][None], fields.table_positions, h)[0]
                              for h in (1, 2)))  # fmt: skip
        own = np.sqrt(np.square(apart).sum(1).mean())
        assert table.rms_error[row] == pytest.approx(own, rel=1e-4)
    np.testing.assert_array_equal(table.estimated_error[held_out], table.rms_error[held_out])
    estimate = np.sqrt(np.square(table.estimated_error[~held_out]).mean())
    measured = np.sqrt(np.square(table.rms_error[held_out]).mean())
    assert estimate == pytest.approx(measured, rel=0.1)


def test_errors_where_the_halves_disagree_more_are_estimated_larger() -> None:
    """An encoder that errs for bent arms only: neighbours in the latent space know it."""
    method = Moving()
    table, state = particles(method, count=1000, noise=0.0)
    bent = state[:, 0] > 4
    assert table.mean_half2 is not None
    assert table.validation_rows is not None
    wrong = bent[table.validation_rows]
    random = np.random.default_rng(0)
    table.mean_half2[wrong] += random.normal(0, 2, (wrong.sum(), 3)).astype(np.float32)
    result = motion_table(Fields(method, table))
    assert result is not None
    others = ~table.validation & (table.half == 1)
    assert np.median(result.estimated_error[others & bent]) > 1
    far = others & (state[:, 0] < 2)
    assert result.estimated_error[far].max() < 1e-3


def test_the_chunks_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = made(Moving())
    monkeypatch.setattr(fields_module, "EVALUATIONS_AT_ONCE", 7 * 60)
    cut, _ = made(Moving())
    for name, value in vars(whole).items():
        np.testing.assert_allclose(value, getattr(cut, name), rtol=1e-5, atol=1e-6)


def test_progress_reaches_one_and_stop_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields_module, "EVALUATIONS_AT_ONCE", 20 * 60)
    method = Moving()
    fields = Fields(method, particles(method)[0])
    shares: list[float] = []
    assert motion_table(fields, progress=shares.append) is not None
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert len(shares) > 5
    done: list[float] = []
    assert motion_table(fields, progress=done.append, stop=lambda: len(done) >= 2) is None
    assert len(done) == 2


def test_one_model_has_motion_and_no_error() -> None:
    table, _ = made(MovingWhole())
    assert (table.rms_displacement > 0).all()
    assert np.isnan(table.rms_error).all()
    assert np.isnan(table.estimated_error).all()


def test_saved_and_read_again(tmp_path: Path) -> None:
    table, _ = made(Moving())
    table.save(tmp_path / "motion.npz")
    again = MotionTable.load(tmp_path / "motion.npz")
    assert again.epoch == 4
    for name, value in vars(table).items():
        np.testing.assert_array_equal(value, getattr(again, name))
