"""OPUS-DSD in the shared loop: which particles a step sees, the memory bank, resuming."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from short_runs import FirstParticles, StopAfter

from napari_conformix.methods.opusdsd import OpusDsd, OpusDsdSettings
from napari_conformix.methods.opusdsd.annealing import annealing_weight
from napari_conformix.training.checkpoints import CheckpointFolder, load_weights
from napari_conformix.training.devices import make_fabric
from napari_conformix.training.latent_table import LatentTable
from napari_conformix.training.loop import train
from napari_conformix.training.split import make_split

PARTICLES, EPOCHS = 120, 4
SETTINGS = OpusDsdSettings(
    epochs=EPOCHS,
    latent_dim=2,
    width=0.02,
    noise_particles=16,
    batch_size=16,
    bank_sample=50,
    annealing_cycles=2,
    projection_nside=1,
    contrast=0.0,
    brightness=0.0,
    threads=1,
)


class Recording(OpusDsd):
    """Notes which rows it is given, and when; a copy, to measure time on, has notes of its own."""

    def __init__(self, *args):
        super().__init__(*args)
        self.first: list[int] = []
        self.steps: list[tuple[float, list[int]]] = []
        self.stored: list[torch.Tensor] = []
        self.codes: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def first_pass(self, batch, half):
        self.first += batch.index.tolist()
        super().first_pass(batch, half)

    def begin_step(self, epochs_done):
        super().begin_step(epochs_done)
        self.now = epochs_done

    def training_step(self, batch, half):
        self.steps.append((self.now, batch.index.tolist()))
        self.stored.append(self._bank.valid.clone())
        before, encoded = self._bank.codes[batch.index], self.encode(batch, half)[0]
        terms = super().training_step(batch, half)
        self.codes.append((before, encoded, self._bank.codes[batch.index]))
        return terms


@dataclass
class Run:
    method: Recording
    split: object
    classes: np.ndarray
    events: list = field(default_factory=list)

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]

    def rows_of_epoch(self, epoch):
        return [row for now, rows in self.method.steps for row in rows if int(now) == epoch - 1]


def run(swing, folder, *, until=None, resume=False) -> Run:
    method = Recording(SETTINGS, swing.frame)
    split = make_split(
        np.zeros(PARTICLES, int), independent_halves=False, validation_fraction=0.2, seed=1
    )
    data, control = FirstParticles(swing, PARTICLES), StopAfter()
    done = Run(method, split, method.batch_classes(data.rotation))
    for event in train(
        method,
        data,
        split,
        SETTINGS,
        folder=folder,
        fabric=make_fabric("cpu", SETTINGS),
        control=control,
        consensus=swing.consensus,
        resume=resume,
    ):
        done.events.append(event)
        if event.kind == "epoch" and event.epoch == until:
            control.stopped = True
    return done


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: tmp_path_factory.mktemp(name) for name in ("whole", "parts")}


@pytest.fixture(scope="module")
def whole(swing, folders):
    return run(swing, folders["whole"])


@pytest.fixture(scope="module")
def resumed(swing, folders):
    """A run that was stopped after the second epoch and goes on."""
    run(swing, folders["parts"], until=2)
    return run(swing, folders["parts"], resume=True)


def test_every_training_particle_trains_once_an_epoch_and_no_other_ever(whole):
    expected = whole.split.rows(0, "train").tolist()
    for epoch in range(1, EPOCHS + 1):
        assert sorted(whole.rows_of_epoch(epoch)) == expected


def test_a_step_sees_one_projection_class(whole):
    assert len(np.unique(whole.classes)) == 12
    for _, rows in whole.method.steps:
        assert len(np.unique(whole.classes[rows])) == 1


def test_the_bank_is_filled_before_the_first_step_and_with_training_particles_alone(whole):
    train = whole.split.rows(0, "train")
    assert whole.method.first == train.tolist()
    for stored in (whole.method.stored[0], whole.method.stored[-1]):
        assert np.array_equal(np.flatnonzero(stored.numpy()), train)


def test_a_step_moves_the_codes_of_its_particles_towards_what_the_encoder_says(whole):
    before, encoded, after = (torch.cat(notes) for notes in zip(*whole.method.codes, strict=True))
    assert (encoded - before).abs().mean() > 1e-3
    torch.testing.assert_close(after, 0.7 * before + 0.3 * encoded)


def test_annealing_is_told_and_follows_the_place_in_the_run(whole):
    """The scalar of an epoch is the mean weight of its particles: two cycles in four epochs."""
    for event in whole.of("epoch"):
        steps = [step for step in whole.method.steps if int(step[0]) == event.epoch - 1]
        weights = [annealing_weight(now / EPOCHS, 2, 0.5) for now, _ in steps]
        expected = np.average(weights, weights=[len(rows) for _, rows in steps])
        assert event.scalars["annealing_weight"] == pytest.approx(expected, rel=1e-5)


def test_the_result_is_the_epoch_that_explains_held_out_images_best(whole, folders):
    validation = {event.epoch: event.validation["0"]["unexplained"] for event in whole.of("epoch")}
    best = min(validation, key=validation.get)
    assert whole.of("finished")[0].chosen_epoch == best
    table = LatentTable.load(folders["whole"] / "latents.npz")
    assert table.epoch == best
    assert table.mean.shape == (PARTICLES, 2)
    assert np.isfinite(table.mean).all()


def test_a_resumed_run_is_the_run_that_was_not_stopped(whole, resumed, folders):
    assert resumed.method.first == []  # the bank comes from the checkpoint
    weights, states = [], []
    for folder in folders.values():
        checkpoints = CheckpointFolder(folder / "checkpoints")
        weights.append(load_weights(checkpoints.find(EPOCHS))[0])
        states.append(checkpoints.load_resume(EPOCHS)["method"]["bank"])
    for one, other in (weights, states):
        assert one.keys() == other.keys()
        assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert [rows for now, rows in whole.method.steps if now >= 2] == [
        rows for _, rows in resumed.method.steps
    ]
