"""The contract between the shared training loop and a method (design, section 4).

A method is a folder with a settings model and a class derived from :class:`Method`. The loop in
`training/loop.py` does the rest: half sets or one model, validation, epochs, devices, precision,
NaN steps, events, checkpoints, pause and stop.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import TypeVar

from napari_conformix.errors import NotSupportedError
from napari_conformix.training.events import Quantity, Terms
from napari_conformix.training.settings import TrainingSettings

#: the settings model of a method; a method of which nothing is known has what all share
SettingsT = TypeVar("SettingsT", bound=TrainingSettings, covariant=True, default=TrainingSettings)
#: Which particles a batch is drawn from.
Subset = Literal["train", "validation"]


@dataclass(frozen=True)
class Frame:
    """The two grids of a run, both centred on index N // 2.

    Images are brought to the working grid for training; decoded volumes are on the consensus
    grid. Both grids cover nearly the same physical size; positions are (x, y, z) in Angstrom from
    the centre and mean the same in both.
    """

    box: int
    pixel_size_angstrom: float
    working_box: int
    working_pixel_size_angstrom: float


@dataclass
class Batch:
    """Particles on the working grid, ready for a method. All tensors are on one device.

    index            (b,) int64: rows of the particle file
    images           (b, h, w) float32, white protein, in the noise's own units
    rotation         (b, 3, 3) float32: A of design section 5, image xyz to volume xyz
    shift_angstrom   (b, 2) float32: (x, y) of the particle from the image centre (-RELION origin)
    ctf              (b, h, w // 2 + 1) float32: rfft layout, zero frequency at [0, 0]
    """

    index: torch.Tensor
    images: torch.Tensor
    rotation: torch.Tensor
    shift_angstrom: torch.Tensor
    ctf: torch.Tensor

    def __len__(self) -> int:
        return int(self.index.shape[0])

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device.

        Parameters
        ----------
        device : torch.device or str
            Where to move it; copies from pinned memory do not wait.

        Returns
        -------
        Batch
            A new one; tensors that are there already are not copied.
        """
        move = {k: v.to(device, non_blocking=True) for k, v in vars(self).items()}
        return Batch(**move)


#: sampler(half, subset, count) -> batches of up to `count` particles of that half, drawn with the
#: run's seed and the epoch; used by a method for noise estimates and gradient calibration.
Sampler = Callable[[int, Subset, int], Iterator[Batch]]


class Method(ABC, Generic[SettingsT]):
    """What a method gives to the program. Halves are 1 and 2; a method with one model uses 0.

    `class Mine(Method[MySettings])` has settings of that type; its `Settings` names the same model.

    A method is made for a :class:`Frame`, then either `initialise`d from the consensus map or
    given the state of a checkpoint. It must be able to decode without any image at hand, and to
    be copied by `copy.deepcopy` before an epoch: the loop measures time and memory on a copy.

    The loop seeds torch's global generator at the start of every epoch; random numbers from it
    (and from nowhere else) make a resumed run equal to an uninterrupted one.
    """

    #: the name used in job.toml and on the command line
    name: ClassVar[str]
    #: the method in words, for the window
    title: ClassVar[str]
    #: its settings model
    Settings: ClassVar[type[TrainingSettings]]
    #: True: two models on disjoint half sets, halves 1 and 2. False: one model, half 0.
    independent_halves: ClassVar[bool]
    #: the loss term that means the same in every epoch: shown first on the curves, and its
    #: validation mean over the halves picks the best epoch (a total whose weights are estimated
    #: again every epoch cannot be compared between epochs)
    headline: ClassVar[str] = "loss"
    #: that term in words, for the axis of the curve
    headline_label: ClassVar[str] = "Loss"
    #: its loss terms, scalars and curves by shell in words, by their names without _half1, _half2;
    #: of a name that is not here, the name itself is shown
    quantities: ClassVar[Mapping[str, Quantity]] = {}
    #: what `consensus_positions` are the places of: a plural noun, as it stands within a sentence
    pieces: ClassVar[str] = "points"
    #: names among the terms of a step that are shown next to the loss and are no part of its scale,
    #: for example an annealing weight; the loop shows them with the scalars of the epoch
    scalar_terms: ClassVar[tuple[str, ...]] = ()
    #: True: when training ends, its result is the epoch whose validation `headline` is lowest, not
    #: the last one: latents, decoding and the live map are of that epoch. Going on (`--resume`)
    #: starts from the last epoch all the same.
    chooses_epoch: ClassVar[bool] = False
    #: True: `first_pass` is to see every training particle before epoch 1
    needs_first_pass: ClassVar[bool] = False
    #: whether `displacement` works; pages and commands ask this instead of trying
    has_displacement: ClassVar[bool] = False
    #: False: there are latents and no model behind them (`decode` and training do not work), as
    #: where they were made by another program; pages and commands ask this instead of trying
    has_decoder: ClassVar[bool] = True

    def __init__(
        self, settings: SettingsT, frame: Frame, device: torch.device | str = "cpu"
    ) -> None:
        self.settings = settings
        self.frame = frame
        self.device = torch.device(device)
        #: rows of the particle file, for methods that keep something of every particle; set by
        #: the loop before `initialise`, and known to the tensors of `state`
        self.particles = 0

    @property
    def halves(self) -> tuple[int, ...]:
        """The halves that this method trains."""
        return (1, 2) if self.independent_halves else (0,)

    @property
    @abstractmethod
    def latent_dim(self) -> int:
        """Number of latent dimensions d."""

    # -- training ---------------------------------------------------------------------------------

    @abstractmethod
    def initialise(self, consensus: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
        """Set up every half from the consensus map. Seeded by the caller.

        Parameters
        ----------
        consensus : torch.Tensor
            (z, y, x) on the *consensus* grid.
        mask : torch.Tensor or None
            (z, y, x) on the same grid; None where the user gave none.

        Returns
        -------
        dict of str to Any
            Facts worth reporting to the user (JSON values), written into the `started` event, for
            example the number of Gaussians and the threshold used. One has a meaning:
            `enclosed_volume_angstrom3`, what the molecule fills at the method's contour, from which
            masks of reconstructions follow.
        """

    @classmethod
    def size_in_words(cls, facts: Mapping[str, Any]) -> str:
        """What a run is large by, to be shown next to the time and memory that it would take.

        Parameters
        ----------
        facts : Mapping
            Of :meth:`initialise`.

        Returns
        -------
        str
            For example '2,000 points'; '' if unknown.
        """
        return ""

    @abstractmethod
    def optimizers(self, half: int) -> list[torch.optim.Optimizer]:
        """The optimisers that the loop steps after `training_step` of a half.

        Parameters
        ----------
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        list of torch.optim.Optimizer
            The same objects at every call.
        """

    def batch_classes(self, rotation: NDArray[np.float32]) -> NDArray[np.int64] | None:
        """Classes of particles that a batch must not mix.

        With classes, every training batch holds particles of one class only, and still every
        particle comes exactly once an epoch. Asked for again at every start and resume, so the
        answer must follow from the poses alone.

        Parameters
        ----------
        rotation : numpy.ndarray
            (N, 3, 3) float32, poses A of all particles, image xyz to volume xyz.

        Returns
        -------
        numpy.ndarray or None
            (N,) int64 class of each. None: batches are drawn from all particles.
        """
        return None

    def first_pass(self, batch: Batch, half: int) -> None:
        """See every batch of training particles once before epoch 1, to fill a memory of them.

        Called only when `needs_first_pass`, and without gradients. In the order of the particle
        file and before the first `start_epoch`. Never repeated: a resumed run goes on from its
        checkpoint, so what is filled belongs into `state` or `resume_state`. The copy on which the
        loop measures time sees a few batches only, so that steps must work while some particles are
        still unknown.

        Parameters
        ----------
        batch : Batch
            On the method's device.
        half : int
            1 or 2; 0 of a method with one model.

        Raises
        ------
        NotSupportedError
            If the method needs no first pass.
        """
        raise NotSupportedError(f"{self.title} needs no first pass.")

    def begin_step(self, epochs_done: float) -> None:
        """Called before every training step.

        What is computed from `epochs_done` (an annealing weight) is the same in a resumed run, for
        it follows from the place of the step alone.

        Parameters
        ----------
        epochs_done : float
            How many sweeps of the run are done, from 0. 3.25: a quarter of epoch 4 is done. Divided
            by `settings.epochs` it is the share of the whole run.
        """

    def start_epoch(self, epoch: int, sampler: Sampler) -> dict[str, float]:
        """Called before an epoch: the place for schedules, noise and lambda estimates, and graphs.

        A string-valued phase is given as `phase` through :meth:`phase`.

        Parameters
        ----------
        epoch : int
            Counted from 1.
        sampler : Sampler
            Gives batches of training or validation particles.

        Returns
        -------
        dict of str to float
            Scalars for the curves.
        """
        return {}

    def phase(self, epoch: int) -> str:
        """What an epoch trains, in a word for the curves.

        Parameters
        ----------
        epoch : int
            Counted from 1.

        Returns
        -------
        str
            For example 'warm-up'.
        """
        return "training"

    def notices(self) -> list[str]:
        """What the method did on its own since it was last asked, for the log.

        Returns
        -------
        list of str
            Sentences; each is given once.
        """
        return []

    def curves(self) -> dict[str, list[float]]:
        """Values by Fourier shell worth plotting, for example the noise.

        Returns
        -------
        dict of str to list of float
            Shells 0 to working_box // 2. Names end in _half1, _half2 as those of scalars do.
        """
        return {}

    def end_epoch(self, epoch: int, train: Terms, validation: Terms) -> str | None:
        """Called with an epoch's mean losses, before its checkpoint is written.

        Whatever the decision rests on belongs into `resume_state`.

        Parameters
        ----------
        epoch : int
            Counted from 1.
        train : Terms
            Mean terms of the training particles, by half.
        validation : Terms
            The same of held-out ones; empty where there are none.

        Returns
        -------
        str or None
            Why training should end here, a sentence for the user; None to go on.
        """
        return None

    @abstractmethod
    def training_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        """Terms of one batch.

        Every term becomes a curve; terms that are no losses are named in `scalar_terms`.

        Parameters
        ----------
        batch : Batch
            Training particles of that half.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        dict of str to torch.Tensor
            0-d tensors; 'loss' is the one to differentiate.
        """

    def held_out_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor] | None:
        """As `training_step` for held-out particles, for methods whose encoder may see them.

        It must leave everything but the encoder without a gradient.

        Parameters
        ----------
        batch : Batch
            Held-out particles of that half.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        dict of str to torch.Tensor or None
            0-d tensors; 'loss' is the one to differentiate. None: not used.
        """
        return None

    @abstractmethod
    def validation_step(self, batch: Batch, half: int) -> dict[str, torch.Tensor]:
        """Loss terms of held-out particles, without gradients and without sampling.

        Parameters
        ----------
        batch : Batch
            Held-out particles of that half.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        dict of str to torch.Tensor
            0-d tensors, by the names of `training_step`.
        """

    # -- results ----------------------------------------------------------------------------------

    @abstractmethod
    def encode(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Clean pass without gradients: latents of particles trained on or held out from.

        Those of `half`; :meth:`embed` takes any others.

        Parameters
        ----------
        batch : Batch
            b particles.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        mean, std : torch.Tensor
            (b, d) each: latent mean and standard deviation.
        """

    def embed(self, batch: Batch, half: int) -> tuple[torch.Tensor, torch.Tensor]:
        """As :meth:`encode`, for particles that this half's model never saw.

        Parameters
        ----------
        batch : Batch
            b particles, whose `index` means nothing.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        mean, std : torch.Tensor
            (b, d) each: latent mean and standard deviation.
        """
        return self.encode(batch, half)

    def stored_latents(
        self, index: torch.Tensor, half: int
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """What :meth:`encode` gives for rows, where no image is needed for it.

        Parameters
        ----------
        index : torch.Tensor
            (b,) int64, rows of the particle file.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        tuple of torch.Tensor, or None
            Mean and standard deviation, (b, d) each; None where images are needed.
        """
        return None

    @abstractmethod
    def decode(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        """Volumes of latents in the consensus frame, original box and pixel size.

        Parameters
        ----------
        latent : torch.Tensor
            (n, d).
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        torch.Tensor
            (n, z, y, x) float32, on the consensus grid.
        """

    def displacement(
        self, latent: torch.Tensor, positions: torch.Tensor, half: int
    ) -> torch.Tensor:
        """Where matter moves to, relative to the consensus.

        Parameters
        ----------
        latent : torch.Tensor
            (n, d).
        positions : torch.Tensor
            (p, 3) xyz in A from the centre: places of the consensus.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        torch.Tensor
            (n, p, 3) in A: by how much the matter at `positions` is displaced.

        Raises
        ------
        NotSupportedError
            If the method decodes volumes; `has_displacement` says so beforehand.
        """
        raise NotSupportedError(
            f"{self.title} decodes volumes and has no displacement field; use decode instead."
        )

    def consensus_positions(self, half: int) -> torch.Tensor | None:
        """Where the model's pieces sit in the consensus.

        Parameters
        ----------
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        torch.Tensor or None
            (p, 3) xyz in A from the centre; None if it has none.
        """
        return None

    def whitened_prediction(
        self, latent: torch.Tensor, batch: Batch, half: int
    ) -> torch.Tensor | None:
        """Images that latents predict, in coordinates in which their noise is white.

        There the noise of an image has variance 1 and no correlation. From it follows how far noise
        alone moves a latent, and what it makes both halves agree on.

        Parameters
        ----------
        latent : torch.Tensor
            (n, d), of n particles.
        batch : Batch
            Those n particles: their poses, shifts and CTFs.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        torch.Tensor or None
            (n, k) real. None: the method does not say.
        """
        return None

    def image_residual(self, latent: torch.Tensor, batch: Batch, half: int) -> torch.Tensor | None:
        """Images less what latents predict, whitened; without gradients.

        Pure noise then has mean square 1 at every Fourier pixel. From it follows whether a latent
        explains an image better than another one does, see `analysis.checks.heterogeneity`.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d), of the b particles of `batch`.
        batch : Batch
            b particles.
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        torch.Tensor or None
            (b, h, w // 2 + 1) complex, in rfft layout. None: the method cannot say.
        """
        return None

    def features(self, latent: torch.Tensor, half: int) -> torch.Tensor:
        """A description of latents that means the same in every half.

        Two halves trained independently have unrelated latent axes. Methods that can say what a
        latent does (for example displacements at landmarks) return that; the loop reduces it by PCA
        into the latent space view that shows both halves together. The default is the latent
        itself, right for methods with one model.

        Parameters
        ----------
        latent : torch.Tensor
            (n, d).
        half : int
            1 or 2; 0 of a method with one model.

        Returns
        -------
        torch.Tensor
            (n, f), in `features_unit`.
        """
        return latent

    #: unit of `features` ('A' when the Euclidean norm is an RMS displacement)
    features_unit: ClassVar[str] = ""

    # -- state ------------------------------------------------------------------------------------

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """Every tensor needed to decode and encode, for safetensors.

        Returns
        -------
        dict of str to torch.Tensor
            By flat names.
        """

    @abstractmethod
    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """The inverse of :meth:`state`.

        Parameters
        ----------
        state : dict of str to torch.Tensor
            What :meth:`state` returned; shapes may differ from those after construction.
        """

    def resume_state(self) -> dict[str, Any]:
        """What training needs beyond `state`: optimisers, schedules.

        Returns
        -------
        dict of str to Any
            Plain values and tensors.
        """
        return {}

    def load_resume_state(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`resume_state`, called after `load_state`.

        Parameters
        ----------
        state : dict of str to Any
            What :meth:`resume_state` returned.
        """

    # -- planning ---------------------------------------------------------------------------------

    @abstractmethod
    def memory_bytes(self, batch_size: int) -> int:
        """Estimated peak memory of one training step, model and optimisers included.

        Parameters
        ----------
        batch_size : int
            Particles of the step.

        Returns
        -------
        int
            Bytes.
        """


def batches_of(indices: Iterable[int], size: int) -> Iterator[list[int]]:
    """Cut an order of particles into batches.

    Parameters
    ----------
    indices : Iterable of int
        Rows, in the order in which they are to come.
    size : int
        Particles of a batch.

    Yields
    ------
    list of int
        `size` of them; the last one may be shorter.
    """
    chunk: list[int] = []
    for index in indices:
        chunk.append(index)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
