"""DynaMight in the shared loop: which particles train which half, phases, resuming, stopping."""

import pytest
import torch
from short_runs import FirstParticles, StopAfter

from napari_conformix.methods.dynamight import DynaMight, DynaMightSettings
from napari_conformix.training.checkpoints import load_weights
from napari_conformix.training.devices import make_fabric
from napari_conformix.training.loop import train
from napari_conformix.training.split import make_split

PARTICLES = 96
#: epochs 3 and 5 rest the networks, the reference is replaced before epoch 4
SETTINGS = DynaMightSettings(
    epochs=10,
    gaussians=40,
    latent_dim=2,
    warmup_epochs=1,
    noise_particles=16,
    batch_size=16,
    reference_every=1,
    reference_epochs=1,
    replace_every=1,
    latents_every=100,
    volume_every=100,
    threads=1,
)


class Recording(DynaMight):
    """Notes the rows of every batch from which a parameter of a decoder was given a gradient."""

    seen: dict[int, set[int]]
    handles: list = []  # noqa: RUF012 - of the class, so that copies of a method share it

    def _watch(self, batch, half):
        for handle in self.handles:
            handle.remove()
        rows = batch.index.tolist()
        self.handles[:] = [
            parameter.register_hook(lambda _: self.seen[half].update(rows))
            for parameter in self.models[half].decoder.parameters()
        ]

    def training_step(self, batch, half):
        self._watch(batch, half)
        return super().training_step(batch, half)

    def held_out_step(self, batch, half):
        self._watch(batch, half)
        return super().held_out_step(batch, half)


def run(swing, folder, method_class, settings=SETTINGS, *, until=None, resume=False):
    """The events of a run; `until`: stopped after that epoch."""
    method = method_class(settings, swing.frame)
    split = make_split(
        torch.arange(PARTICLES).numpy() % 2 + 1,
        independent_halves=True,
        validation_fraction=0.2,
        seed=1,
    )
    control, told = StopAfter(), []
    for event in train(
        method,
        FirstParticles(swing, PARTICLES),
        split,
        settings,
        folder=folder,
        fabric=make_fabric("cpu", settings),
        control=control,
        consensus=swing.consensus,
        resume=resume,
    ):
        told.append(event)
        if event.kind == "epoch" and event.epoch == until:
            control.stopped = True
    return told, split


@pytest.fixture(scope="module")
def runs(swing, tmp_path_factory):
    """A run of ten epochs, and one that was stopped after the fourth and resumed."""
    whole, parts = (tmp_path_factory.mktemp(name) for name in ("whole", "parts"))
    Recording.seen = {1: set(), 2: set()}
    events, split = run(swing, whole, Recording)
    Recording.seen = {1: set(), 2: set()}
    run(swing, parts, Recording, until=4)
    Recording.seen = {1: set(), 2: set()}
    run(swing, parts, Recording, resume=True)
    return {"events": events, "split": split, "whole": whole, "parts": parts}


def of(events, kind):
    return [event for event in events if event.kind == kind]


def test_halves_stay_disjoint_also_after_resume(runs):
    """The record is of the epochs after the resume: every particle of its half, and no other."""
    split = runs["split"]
    for half in (1, 2):
        assert Recording.seen[half] == set(split.rows(half, "train").tolist())
    assert not Recording.seen[1] & Recording.seen[2]


def test_a_resumed_run_is_the_run_that_was_not_stopped(runs):
    weights = [
        load_weights(runs[name] / "checkpoints/epoch_0010.safetensors")[0]
        for name in ("whole", "parts")
    ]
    assert weights[0].keys() == weights[1].keys()
    assert weights[0]["half1.origin"].shape == (1, 2)  # the reference was replaced
    different = [k for k in weights[0] if not torch.equal(weights[0][k], weights[1][k])]
    assert different == []


def test_phases_and_changes_of_the_reference_are_told(runs):
    epochs = of(runs["events"], "epoch")
    phases = [epoch.phase for epoch in epochs]
    assert phases[:6] == [
        "warm-up",
        "training",
        "reference only",
        "training",
        "reference only",
        "training",
    ]
    assert set(phases[5:]) == {"training"}
    changed = [e.epoch for e in epochs if "reference_shift_angstrom_half1" in e.scalars]
    assert changed == [4]
    scalars = epochs[3].scalars
    assert scalars["alignment_angstrom_half2"] >= 0
    assert 0.5 < scalars["gaussians_inside_half2"] <= 1
    assert all(e.scalars["references_apart_angstrom"] >= 0 for e in epochs)
    notices = [notice.message for notice in of(runs["events"], "notice")]
    assert any("references were replaced before epoch 4" in message for message in notices)
    assert sum("Gaussians alone are trained" in message for message in notices) == 2


def test_resting_networks_rest_and_the_gaussians_do_not(swing):
    torch.manual_seed(0)
    method = DynaMight(SETTINGS, swing.frame)
    method.particles = PARTICLES
    method.initialise(swing.consensus, None)

    def sampler(half, subset, count):
        yield swing.batch(range(half - 1, 32, 2))

    for epoch in (1, 2, 3):
        method.start_epoch(epoch, sampler)
    before = method.state()
    for optimizer in method.optimizers(1):
        optimizer.zero_grad()
    method.training_step(swing.batch(range(0, 32, 2)), 1)["loss"].backward()
    for optimizer in method.optimizers(1):
        optimizer.step()
    changed = {k for k, v in method.state().items() if not torch.equal(v, before[k])}
    assert changed == {f"half1.reference.{name}" for name in ("positions", "log_width", "log_mass")}
    assert method.held_out_step(swing.batch(range(32, 40)), 1) is None


def test_every_epoch_tells_the_noise_by_shell(runs):
    for epoch in of(runs["events"], "epoch"):
        assert epoch.curves.keys() == {"noise_power_half1", "noise_power_half2"}
        for curve in epoch.curves.values():
            assert len(curve) == 32 // 2 + 1
            # the scene's noise is white with a variance of 1; 10 images tell it to some 10 %
            assert 0.8 < sum(curve[8:]) / len(curve[8:]) < 1.2


# -- the stop rule --------------------------------------------------------------------------------


class Converging(DynaMight):
    """Has had enough with the second epoch."""

    def end_epoch(self, epoch, train, validation):
        assert {"1", "2"} == validation.keys() == train.keys()
        return "Enough." if epoch == 2 else None


SHORT = SETTINGS.model_copy(update={"warmup_epochs": 20, "epochs": 4})


def test_a_converged_run_ends_stays_ended_and_goes_on_when_asked_for_more(swing, tmp_path):
    events, _ = run(swing, tmp_path, Converging, SHORT)
    assert (events[-1].kind, events[-1].reason, events[-1].epoch) == ("finished", "converged", 2)
    assert [notice.message for notice in of(events, "notice")] == ["Enough."]
    # results are refreshed as at the end of any run
    assert [latents.epoch for latents in of(events, "latents")][-1] == 2
    again, _ = run(swing, tmp_path, Converging, SHORT, resume=True)
    assert of(again, "epoch") == []
    assert (again[-1].reason, again[-1].epoch) == ("converged", 2)
    more = SHORT.model_copy(update={"epochs": 5})
    longer, _ = run(swing, tmp_path, Converging, more, resume=True)
    assert [epoch.epoch for epoch in of(longer, "epoch")] == [3, 4, 5]
    assert longer[-1].reason == "completed"


def test_the_held_out_loss_that_keeps_rising_stops_the_method(swing):
    settings = SETTINGS.model_copy(update={"stop_after_rises": 2, "reference_every": 0})
    method = DynaMight(settings, swing.frame)
    method._phase = "training"

    def ends(epoch, loss):
        terms = {half: {"unexplained": loss, "loss": -loss} for half in ("1", "2")}
        return method.end_epoch(epoch, {}, terms)

    assert [ends(e, x) for e, x in enumerate([0.9, 0.8, 0.85, 0.84])] == [None] * 4
    assert "2 times" in ends(5, 0.86)
