"""Curves gathered from events, also of runs that were killed and resumed."""

import math

from napari_conformix.methods import method_class
from napari_conformix.training import events
from napari_conformix.training.events import Quantity
from napari_conformix.widgets.training.curve_data import (
    CurveData,
    Phase,
    Spectrum,
)


def _epoch(number: int, loss: float, phase: str = "training") -> events.Epoch:
    return events.Epoch(
        epoch=number,
        epochs=10,
        phase=phase,
        train={"1": {"loss": loss, "kl": 0.1}, "2": {"loss": loss + 1, "kl": 0.2}},
        validation={"1": {"loss": loss + 2}, "2": {"loss": loss + 3}},
        scalars={"lambda": loss / 10},
    )


def _started(first: int) -> events.Started:
    return events.Started(device="cpu", particles=10, epochs=10, first_epoch=first, batch_size=2)


def _filled(*new: events.Event, method: str | None = None) -> CurveData:
    data = CurveData(None if method is None else method_class(method).quantities)
    for event in new:
        data.take(event)
    return data


def test_four_lines_of_a_term() -> None:
    data = _filled(_started(1), _epoch(1, 5.0), _epoch(2, 4.0))
    lines = {key: (c.x, c.y) for key, c in data.of_term("loss").items()}
    assert lines == {
        ("train", "1"): ([1, 2], [5.0, 4.0]),
        ("train", "2"): ([1, 2], [6.0, 5.0]),
        ("validation", "1"): ([1, 2], [7.0, 6.0]),
        ("validation", "2"): ([1, 2], [8.0, 7.0]),
    }
    assert data.terms() == ["loss", "kl"]
    assert data.scalars() == ["lambda"]


def test_the_headline_of_the_run_is_the_first_term() -> None:
    started = _started(1).model_copy(update={"headline": "kl"})
    data = _filled(started, _epoch(1, 5.0))
    assert data.headline == "kl"
    assert data.terms() == ["kl", "loss"]


def test_a_resumed_run_draws_epochs_done_again_once() -> None:
    steps = [
        events.Step(epoch=epoch, done=half, total=2, terms={"1": {"loss": 9.0}})
        for epoch in (3, 4)
        for half in (1, 2)
    ]
    before = [_started(1), _epoch(1, 5.0), _epoch(2, 4.0, "b"), *steps[:2], _epoch(3, 3.0, "b")]
    data = _filled(*before, *steps[2:3])
    data.take(_started(3))
    assert data.curves["train", "1", "loss"].x == [1, 2]
    assert data.curves["step", "1", "loss"].x == []
    assert data.phases == [Phase("training", 1, 1), Phase("b", 2, 2)]
    data.take(_epoch(3, 2.5, "b"))
    assert data.curves["train", "1", "loss"].y == [5.0, 4.0, 2.5]
    assert data.phases[-1] == Phase("b", 2, 3)


def test_values_that_are_no_numbers_leave_a_gap() -> None:
    data = _filled(_epoch(1, 5.0), _epoch(2, math.nan), _epoch(3, 3.0))
    assert data.curves["train", "1", "loss"].x == [1, 3]


def test_other_events_change_nothing() -> None:
    data = CurveData()
    assert not data.take(events.Warning(message="careful"))
    assert not data.curves


def test_the_range_leaves_out_the_warm_up_and_the_scatter_of_steps() -> None:
    noisy = events.Step(epoch=4, done=1, total=2, terms={"1": {"loss": 500.0}})
    warm = [_epoch(1, 100.0, "warm-up"), _epoch(2, 50.0, "warm-up")]
    data = _filled(_started(1), *warm)
    assert data.range_of("loss") == (50.0, 103.0)
    for event in (_epoch(3, 5.0), _epoch(4, 4.0), noisy):
        data.take(event)
    assert data.settled() == 2
    assert data.range_of("loss") == (4.0, 8.0)
    assert data.range_of("nothing") is None


def test_the_scalars_of_two_halves_are_two_lines_of_one_curve() -> None:
    scalars = {"lambda_half1": 1.0, "lambda_half2": 2.0, "shift_angstrom_half2": 3.0, "alpha": 4.0}
    data = _filled(_epoch(1, 5.0).model_copy(update={"scalars": scalars}))
    assert data.scalars() == ["alpha", "lambda", "shift_angstrom"]
    lines = {half: curve.y for (_, half), curve in data.of_term("lambda").items()}
    assert lines == {"1": [1.0], "2": [2.0]}
    assert list(data.of_term("alpha")) == [("scalar", "")]
    assert data.in_words("shift_angstrom") == "Shift (Å)"


def test_a_phase_that_comes_again_is_no_start() -> None:
    phases = ["training", "training", "reference only", "training", "training"]
    data = _filled(*[_epoch(i + 1, 9.0 - i, phase) for i, phase in enumerate(phases)])
    assert [(p.first, p.last) for p in data.phases] == [(1, 2), (3, 3), (4, 5)]
    assert data.settled() == 0
    warm = _filled(*[_epoch(i + 1, 9.0, p) for i, p in enumerate(["warm-up", *phases])])
    assert warm.settled() == 1


def test_spectra_keep_the_first_epoch_and_the_newest() -> None:
    def with_noise(number: int, power: float) -> events.Epoch:
        curves = {"noise_power_half1": [power, 1.0], "noise_power_half2": [2 * power, 1.0]}
        return _epoch(number, 5.0).model_copy(update={"curves": curves})

    data = _filled(with_noise(2, 9.0), with_noise(3, 8.0), with_noise(4, 7.0))
    found = data.spectra_of("noise_power")
    assert found == {
        "1": Spectrum(2, [9.0, 1.0], 4, [7.0, 1.0]),
        "2": Spectrum(2, [18.0, 1.0], 4, [14.0, 1.0]),
    }
    assert data.spectra_of("loss") == {}


def test_notices_of_epochs_done_again_are_reported_once() -> None:
    told = [events.Notice(epoch=e, message=f"replaced before {e}") for e in (2, 4)]
    data = _filled(_started(1), told[0], _epoch(2, 5.0), told[1])
    data.take(_started(4))
    assert data.notices == [(2, "replaced before 2")]
    data.take(told[1])
    assert data.notices == [(2, "replaced before 2"), (4, "replaced before 4")]


# -- a method with one model that chooses its epoch -----------------------------------------------


def _one_model(number: int, loss: float) -> events.Epoch:
    return events.Epoch(
        epoch=number,
        epochs=10,
        train={"0": {"loss": loss, "kl": 0.1}},
        validation={"0": {"loss": loss}},
        scalars={"annealing_weight": 0.1 * number},
        learning_rates={"0/0.0": 1e-3 * 0.5**number},
    )


def test_the_best_epoch_so_far_becomes_the_chosen_one_until_the_run_goes_on() -> None:
    begun = _started(1).model_copy(update={"chooses_epoch": True})
    data = _filled(begun, _one_model(1, 5.0), events.Checkpoint(epoch=1, path="", best=True))
    assert (data.best, data.chosen) == (1, None)
    data = _filled(
        begun,
        _one_model(1, 5.0),
        events.Checkpoint(epoch=1, path="", best=True),
        _one_model(2, 6.0),
        events.Checkpoint(epoch=2, path=""),
        events.Finished(epoch=2, best_epoch=1, chosen_epoch=1),
    )
    assert (data.best, data.chosen) == (1, 1)
    data.take(_started(3).model_copy(update={"chooses_epoch": True}))
    assert data.chosen is None
    assert data.chooses_epoch


def test_learning_rates_and_weights_have_curves_of_their_own_next_to_the_losses() -> None:
    data = _filled(_started(1), _one_model(1, 5.0), _one_model(2, 4.0))
    assert data.terms() == ["loss", "kl"]
    assert data.scalars() == ["annealing_weight", "learning_rate"]
    assert data.of_term("learning_rate")["scalar", "0"].y == [5e-4, 2.5e-4]
    named = {"1/decoder": 1e-3, "1/latents": 1e-1, "2/decoder": 2e-3, "2/latents": 2e-1}
    data = _filled(_started(1), _epoch(1, 5.0).model_copy(update={"learning_rates": named}))
    assert {"learning_rate decoder", "learning_rate latents"} < set(data.scalars())
    assert data.of_term("learning_rate latents")["scalar", "2"].y == [0.2]


def test_terms_and_rates_in_words() -> None:
    data = _filled(_started(1).model_copy(update={"headline": "unexplained"}), method="opusdsd")
    assert data.in_words("attract_within") == "Prior: attraction within a projection class"
    assert data.in_words("some_other_term") == "Some other term"
    assert data.in_words("learning_rate decoder") == "Learning rate: decoder"
    assert data.in_words("learning_rate 0.1") == "Learning rate: group 0.1"
    assert data.in_words("learning_rate") == "Learning rate"


def test_the_words_of_todays_methods() -> None:
    """As they were when the window knew the methods: logs of then are read as before."""
    common = {
        "loss": "Loss: all terms, weighted",
        "data": "Misfit to the images",
        "kl": "KL divergence: latents from a standard normal",
        "held_out": "Loss of held-out particles (encoder only)",
        "noise_power": "Noise power by resolution (a pixel’s variance)",
        "learning_rate": "Learning rate",
    }
    own = {
        "dynamight": {
            "stretch": "Stretch",
            "lambda": "λ: weight of smoothness against the images",
            "reference_shift_angstrom": "Shift of the reference when replaced, RMS (Å)",
            "alignment_angstrom": "Shift of the reference when aligned to half 1’s, RMS (Å)",
            "references_apart_angstrom": "References of the halves apart, RMS (Å)",
            "gaussians_inside": "Share of Gaussians near half 1’s after alignment",
            "gaussian_width_angstrom": "Gaussian width (Å)",
            "rises": "How often the held-out error rose",
        },
        "opusdsd": {
            "attract_within": "Prior: attraction within a projection class",
            "repel_within": "Prior: repulsion within a projection class",
            "attract_across": "Prior: attraction across projection classes",
            "repel_across": "Prior: repulsion across projection classes",
            "total_variation": "Total variation of the volumes",
            "lasso": "LASSO: mean absolute density",
            "annealing_weight": "Annealing: weight of the priors on latents",
        },
    }
    for method, words in own.items():
        data = _filled(_started(1).model_copy(update={"headline": "unexplained"}), method=method)
        assert {name: data.in_words(name) for name in common | words} == common | words


def test_a_method_describes_numbers_that_nobody_else_knows() -> None:
    data = CurveData({"wobble": Quantity("How much it wobbles", "A", note="Less is better.")})
    assert data.in_words("wobble") == "How much it wobbles (Å)"
    assert data.note_of("wobble") == "Less is better."
    data.take(_started(1).model_copy(update={"headline": "wobble", "headline_label": "Wobble"}))
    assert data.in_words("wobble") == "Wobble"
    assert not data.note_of("wobble")


def test_terms_in_units_of_a_noise_that_is_estimated_say_so() -> None:
    epoch = _epoch(1, 5.0).model_copy(update={"curves": {"noise_power_half1": [1.0, 0.5]}})
    started = _started(1).model_copy(update={"headline": "unexplained"})
    for method in ("dynamight", "opusdsd"):
        data = _filled(started, epoch, method=method)
        assert "in units of the noise" in data.note_of("loss").lower()
        assert not data.note_of("kl")
    assert not _filled(started, _epoch(1, 5.0)).note_of("loss")
