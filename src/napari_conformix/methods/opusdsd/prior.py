"""The structural disentanglement prior of OPUS-DSD (paper, eq. 5 to 7), and its memory bank.

Codes of like images are pulled together and codes of unlike images pushed apart, in two
comparisons: within a batch of one projection class, where images differ by structure rather than
by view, and with codes of other classes, which come from a memory bank. The paper sums over the
images; here every term is the mean over the batch, so that its weight does not depend on the batch
size and stands to the error of one image as in eq. 8.
"""

import healpix
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_conformix.errors import UserError

#: added to every squared distance under the repulsion: log(1 + 1 / d^2) has no value at d = 0.
#: Codes closer than its root, 0.001, repel as if they were that far apart (the paper has none of
#: this); the value is at most 13.8 and the gradient at most 1000 a pair, at d = 0.001 and 0 at 0.
SOFTENING = 1e-6


def projection_classes(rotation: NDArray[np.floating], nside: int = 2) -> NDArray[np.int64]:
    """HEALPix class of every viewing direction: 48 classes of equal solid angle at `nside` 2.

    The viewing direction is the third column of A, which the first two Euler angles set; turns in
    the image plane do not change the class.

    Parameters
    ----------
    rotation : numpy.ndarray
        (n, 3, 3), A of the particles.
    nside : int
        HEALPix resolution: 12 nside^2 classes.

    Returns
    -------
    numpy.ndarray
        (n,) int64 from 0 to 12 nside^2 - 1.

    Raises
    ------
    UserError
        If a particle has no orientation: it belongs to no class.
    """
    direction = np.asarray(rotation, np.float64)[:, :, 2]
    without = np.flatnonzero(~np.isfinite(direction).all(1))
    if len(without):
        raise UserError(
            f"{len(without):,} particles have no orientation (the first is row {without[0] + 1:,} "
            "of the particle file), so no projection class can be given to them; refine them "
            "first, or leave them out of the file."
        )
    return np.asarray(healpix.vec2pix(nside, *direction.T), np.int64).reshape(-1)


def disentanglement(
    codes: torch.Tensor,
    bank_sample: torch.Tensor,
    neighbours_within: int = 4,
    neighbours_across: int = 128,
    furthest: int = 512,
) -> dict[str, torch.Tensor]:
    """The four terms of eq. 7, each the mean over the batch.

    Where there are fewer codes than asked for, all there are count; a bank sample too small for
    both is shared between nearest and furthest in their proportion, none counted twice. A term
    with nobody to compare with (a batch of one, an empty sample) is 0. SOFTENING says what
    becomes of codes that coincide.

    Parameters
    ----------
    codes : torch.Tensor
        (b, d) of a batch from one projection class. The paper takes the expectation over f(z|X):
        give samples of it, or means, as the caller prefers.
    bank_sample : torch.Tensor
        (m, d) codes of other classes; they receive no gradient.
    neighbours_within : int
        K1, nearest codes of the batch that attract.
    neighbours_across : int
        K2, nearest codes of the bank sample that attract.
    furthest : int
        N2, furthest codes of the bank sample that repel.

    Returns
    -------
    dict of str to torch.Tensor
        0-d each. `attract_within`: log(1 + |d|^2), mean over each code's K1 nearest in the batch.
        `repel_within`: log(1 + 1 / |d|^2), mean over all others of the batch; the 1 / N1 of the
        paper is over a whole class, of which the others in the batch are a sample.
        `attract_across`: log(1 + |d|^2), mean over its K2 nearest of the bank sample.
        `repel_across`: log(1 + 1 / |d|^2), mean over its N2 furthest of the bank sample.
    """
    codes = codes.to(torch.promote_types(codes.dtype, torch.float32))
    bank = bank_sample.detach().to(codes)
    within = _squared_within(codes)  # (b, b - 1)
    nearest = within.topk(min(neighbours_within, within.shape[1]), largest=False).values
    near, far = _squared_across(codes, bank, neighbours_across, furthest)
    return {
        "attract_within": _mean(torch.log1p(nearest)),
        "repel_within": _mean(_repulsion(within)),
        "attract_across": _mean(torch.log1p(near)),
        "repel_across": _mean(_repulsion(far)),
    }


def _squared_within(codes: torch.Tensor) -> torch.Tensor:
    """Squared distances of every code (b, d) to all others of the batch -> (b, b - 1)."""
    row = torch.arange(len(codes), device=codes.device)
    others = (row[:, None] + row[1:]) % max(len(codes), 1)  # after oneself, round to before
    return (codes[:, None] - codes[others]).square().sum(-1)


def _squared_across(
    codes: torch.Tensor, bank: torch.Tensor, nearest: int, furthest: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Squared distances to the nearest (b, k) and the furthest (b, n) of the bank sample (m, d).

    One distance matrix without a gradient chooses them; the distances to the chosen are computed
    again with one, directly: exact for close codes, and 20 times less to differentiate.
    """
    k, n = share_sample(len(bank), nearest, furthest)
    with torch.no_grad():
        direct = "donot_use_mm_for_euclid_dist"
        distance = torch.cdist(codes, bank, compute_mode=direct)  # (b, m)
        near = distance.topk(k, largest=False, sorted=False).indices  # (b, k)
        far = distance.topk(n, largest=True, sorted=False).indices  # (b, n)
    difference = codes[:, None] - bank[torch.cat([near, far], 1)]  # (b, k + n, d)
    squared = difference.square().sum(-1)
    return squared[:, :k], squared[:, k:]


def share_sample(available: int, nearest: int, furthest: int) -> tuple[int, int]:
    """How many codes of a sample count as nearest and as furthest, none of them as both.

    Parameters
    ----------
    available : int
        Codes of the sample.
    nearest, furthest : int
        How many of each are asked for.

    Returns
    -------
    nearest, furthest : int
        What was asked for, or all that are available in the same proportion.
    """
    asked = nearest + furthest
    if asked <= available:
        return nearest, furthest
    near = -(-available * nearest // asked)  # rounded up
    return near, available - near


def _repulsion(squared: torch.Tensor) -> torch.Tensor:
    return torch.log1p(1.0 / (squared + SOFTENING))


def _mean(values: torch.Tensor) -> torch.Tensor:
    return values.mean() if values.numel() else values.new_zeros(())


class MemoryBank(nn.Module):
    """A code for every particle, as it was when the particle was last seen.

    codes    (N, d) float32
    valid    (N,) bool: whether the code was ever set; others are never drawn
    classes  (N,) int16: projection class of the particle

    All three are buffers: they follow the module to its device and into its `state_dict`. Nothing
    in the bank has a gradient.
    """

    codes: torch.Tensor
    valid: torch.Tensor
    classes: torch.Tensor

    def __init__(self, classes: torch.Tensor | NDArray[np.integer], latent_dim: int) -> None:
        """classes (N,): projection class of every row of the particle file."""
        super().__init__()
        classes = torch.as_tensor(classes).to(torch.int16)
        self.register_buffer("codes", torch.zeros(len(classes), latent_dim))
        self.register_buffer("valid", torch.zeros(len(classes), dtype=torch.bool))
        self.register_buffer("classes", classes)

    def __len__(self) -> int:
        return len(self.classes)

    @torch.no_grad()
    def fill(self, index: torch.Tensor, codes: torch.Tensor) -> None:
        """Set the codes of rows, whatever was there before.

        Codes that are not finite are passed over: one bad batch would stay in the bank for good.

        Parameters
        ----------
        index : torch.Tensor
            (b,) int64, rows of the particle file.
        codes : torch.Tensor
            (b, d).
        """
        index = index.to(self.codes.device)
        codes = codes.to(self.codes)
        finite = codes.isfinite().all(1)
        self.codes[index] = torch.where(finite[:, None], codes, self.codes[index])
        self.valid[index] |= finite

    @torch.no_grad()
    def update(self, index: torch.Tensor, codes: torch.Tensor, momentum: float = 0.7) -> None:
        """Move the codes of rows towards new ones.

        The paper says "updated with momentum to be 0.7": momentum is what stays, as in the
        optimiser's sense of the word, so new = 0.7 old + 0.3 code. A code that was never set takes
        the new one whole.

        Parameters
        ----------
        index : torch.Tensor
            (b,) int64, rows of the particle file, each named once.
        codes : torch.Tensor
            (b, d).
        momentum : float
            Share of the old code that stays.
        """
        index = index.to(self.codes.device)
        codes = codes.to(self.codes)
        kept = self.valid[index].to(codes.dtype)[:, None] * momentum  # (b, 1)
        self.fill(index, kept * self.codes[index] + (1 - kept) * codes)

    @torch.no_grad()
    def sample(
        self, count: int, other_than: int, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Codes of other classes, drawn without replacement.

        Linear in the size of the bank: 5 ms for a million particles on one CPU core.

        Parameters
        ----------
        count : int
            At most so many.
        other_than : int
            Projection class that is left out.
        generator : torch.Generator, optional
            Torch's global one by default.

        Returns
        -------
        torch.Tensor
            (m, d) with m <= count.
        """
        rows = torch.nonzero(self.valid & (self.classes != other_than))[:, 0]
        if len(rows) > count:
            device = generator.device if generator is not None else "cpu"
            seed = torch.randint(2**62, (1,), generator=generator, device=device)
            # numpy draws a few out of many without shuffling all of them, torch does not
            chosen = np.random.default_rng(int(seed)).choice(
                len(rows), size=count, replace=False, shuffle=False
            )
            rows = rows[torch.as_tensor(chosen, device=rows.device)]
        return self.codes[rows]
