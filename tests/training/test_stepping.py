"""NaN steps and memory that runs out, on the linear test method."""

from itertools import chain

import pytest
import torch
from conformix_fake import Linear, LinearSettings

from napari_conformix.errors import UserError
from napari_conformix.runs import is_out_of_memory
from napari_conformix.training.contract import Batch, Frame
from napari_conformix.training.devices import make_fabric
from napari_conformix.training.stepping import Stepper, split_batch

FRAME = Frame(8, 2.0, 8, 2.0)


def make(batch_size=8, **settings):
    torch.manual_seed(0)
    chosen = LinearSettings(threads=1, **settings)
    method = Linear(chosen, FRAME)
    method.initialise(torch.zeros(8, 8, 8), None)
    stepper = Stepper(method, make_fabric("cpu", chosen), batch_size)
    stepper.start_epoch(1000)
    return method, stepper


def batch(count=8):
    return Batch(
        index=torch.arange(count),
        images=torch.randn(count, 8, 8),
        rotation=torch.eye(3).expand(count, 3, 3),
        shift_angstrom=torch.zeros(count, 2),
        ctf=torch.ones(count, 8, 5),
    )


def weights(method):
    return {name: value.clone() for name, value in method.state().items()}


def changed(before, method):
    return {name for name, value in method.state().items() if not torch.equal(before[name], value)}


def test_a_step_trains_one_half_alone():
    method, stepper = make()
    before = weights(method)
    (result,) = stepper.step(batch(), 1)
    assert result.count == 8
    assert changed(before, method) == {n for n in before if n.startswith("half1.")}


def test_a_held_out_step_trains_the_encoder_alone():
    method, stepper = make()
    stepper.step(batch(), 1)  # Adam has moments of the decoder now, which must not move it
    before = weights(method)
    stepper.step(batch(), 1, held_out=True)
    assert changed(before, method) == {"half1.encoder.weight", "half1.encoder.bias"}


@pytest.mark.parametrize("nan_gradient", [False, True])
def test_a_step_that_is_not_finite_changes_nothing(nan_gradient):
    method, stepper = make(nan_every=2, nan_gradient=nan_gradient)
    assert len(stepper.step(batch(), 1)) == 1
    before = weights(method)
    assert stepper.step(batch(), 1) == []
    assert changed(before, method) == set()
    assert stepper.skipped == 1
    assert len(stepper.step(batch(), 1)) == 1
    assert changed(before, method)


def test_fifty_in_a_row_end_the_run():
    _, stepper = make(nan_every=1)
    for _ in range(49):
        stepper.step(batch(), 1)
    with pytest.raises(UserError, match=r"50 training steps in a row .* learning rate"):
        stepper.step(batch(), 1)


def test_a_fifth_of_an_epoch_ends_the_run_but_a_single_step_of_few_does_not():
    _, stepper = make(nan_every=3)
    stepper.start_epoch(3)
    for _ in range(3):
        stepper.step(batch(), 1)
    assert stepper.skipped == 1
    stepper.start_epoch(20)
    for _ in range(14):
        stepper.step(batch(), 1)
    assert stepper.skipped == 4
    with pytest.raises(UserError, match=r"More than 20% .* \(5 of 20\)"):  # noqa: PT012
        for _ in range(3):
            stepper.step(batch(), 1)


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_nobody_is_left_out():
    method, stepper = make(batch_size=16, fits=5)
    results = stepper.step(batch(16), 1)
    assert stepper.batch_size == 4
    assert [r.count for r in results] == [4, 4, 4, 4]
    trained = [rows for _, _, rows in method.seen if len(rows) <= 5]
    assert sorted(chain.from_iterable(trained)) == list(range(16))
    assert len(stepper.messages) == 2
    assert "going on with batches of 4" in stepper.messages[-1]
    assert [r.count for r in stepper.step(batch(7), 2)] == [4, 3]  # read with the old size


def test_one_particle_that_does_not_fit_ends_the_run():
    _, stepper = make(fits=0)
    with pytest.raises(UserError, match="working_box"):
        stepper.step(batch(4), 1)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_of_memory_are_told_from_others(error, expected):
    assert is_out_of_memory(error) is expected


def test_other_errors_are_not_swallowed():
    _, stepper = make()
    bad = batch()
    bad.images = bad.images[:, :3]
    with pytest.raises(RuntimeError, match="shapes"):
        stepper.step(bad, 1)


def test_pieces_of_a_batch_keep_rows_together():
    whole = batch(7)
    pieces = split_batch(whole, 3)
    assert [len(p) for p in pieces] == [3, 3, 1]
    assert torch.equal(torch.cat([p.images for p in pieces]), whole.images)
    assert torch.equal(torch.cat([p.index for p in pieces]), whole.index)
