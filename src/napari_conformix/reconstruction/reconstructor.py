"""Plain CTF-weighted back-projection, with memory that does not grow with the particles."""

import torch

from napari_conformix.imaging import fourier_shift, rfft_shell
from napari_conformix.reconstruction.insertion import empty_grid, insert_slices, symmetrise
from napari_conformix.training.contract import Batch

#: voxels of the Fourier grid; gaps between slices up to twice as wide are filled
_GAP = 3


class Reconstructor:
    """Accumulates sum(CTF x image) and sum(CTF^2) over central slices; their ratio is the map.

    The map is a plain one: V with projections (sums along z) that match the images, so grey values
    are those of the density behind the images, as from `relion_reconstruct --ctf`.

    box, pixel_size_angstrom    grid of the images and of the map, box even
    pad_factor                  fineness of the Fourier grid; 2 as RELION
    """

    def __init__(
        self,
        box: int,
        pixel_size_angstrom: float,
        *,
        pad_factor: float = 2.0,
        device: torch.device | str = "cpu",
    ) -> None:
        if box % 2:
            raise ValueError(f"The box must be even, not {box}.")
        self.box = box
        self.pixel_size_angstrom = pixel_size_angstrom
        self.size = 2 * round(box * pad_factor / 2)
        self.count = 0
        self._grid = empty_grid(self.size, device)

    @staticmethod
    def memory_bytes(box: int, pad_factor: float = 2.0) -> int:
        """Peak memory of one reconstruction, reached in :meth:`volume`.

        4.5 of its grids were measured for a plain one, and one more for what was deformed.

        Parameters
        ----------
        box : int
            Voxels along an edge of the map.
        pad_factor : float
            Fineness of the Fourier grid.

        Returns
        -------
        int
            Bytes, six grids.
        """
        size = 2 * round(box * pad_factor / 2)
        grid = size * size * (size // 2 + 1) * 3 * 4
        return 6 * grid

    @property
    def device(self) -> torch.device:
        """Where the sums are."""
        return self._grid.device

    @torch.no_grad()
    def add(self, batch: Batch) -> torch.Tensor:
        """Add particles; they are moved to this reconstruction's device.

        Parameters
        ----------
        batch : Batch
            Particles with images of this box and pixel size.

        Returns
        -------
        torch.Tensor
            (b, n, n // 2 + 1) complex, what was inserted, for those who put it elsewhere too: the
            CTF-multiplied transforms of the images, with the particle's centre at [0, 0].

        Raises
        ------
        ValueError
            If the images have another box.
        """
        batch = batch.to(self.device)
        if batch.images.shape[-1] != self.box:
            raise ValueError(f"Images of box {batch.images.shape[-1]}, map of box {self.box}.")
        images = torch.fft.ifftshift(batch.images.float(), dim=(-2, -1))  # centre to [0, 0]
        transform = torch.fft.rfft2(images)  # (b, n, n // 2 + 1)
        centred = fourier_shift(transform, -batch.shift_angstrom.float() / self.pixel_size_angstrom)
        ctf = batch.ctf.float()
        values = ctf * centred
        insert_slices(self._grid, values, ctf.square(), batch.rotation)
        self.count += len(batch)
        return values

    def state(self) -> dict[str, torch.Tensor]:
        """The sums, to go on from later; see :meth:`load_state`.

        Returns
        -------
        dict of str to torch.Tensor
            `grid`, (p, p, p // 2 + 1, 3) as of `empty_grid`, not copied, and `count`, 0-d.
        """
        return {"grid": self._grid, "count": torch.tensor(self.count)}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take over the sums of :meth:`state`.

        Parameters
        ----------
        state : dict of str to torch.Tensor
            `grid` and `count` of a reconstruction on the same grid.
        """
        self._grid.copy_(state["grid"])
        self.count = int(state["count"])

    def __add__(self, other: "Reconstructor") -> "Reconstructor":
        """The reconstruction from the particles of both.

        Parameters
        ----------
        other : Reconstructor
            On the same grid.

        Returns
        -------
        Reconstructor
            A new one, on this one's device.

        Raises
        ------
        ValueError
            If the grids differ.
        """
        if (self.box, self.size) != (other.box, other.size):
            raise ValueError("Only reconstructions on the same grid can be added.")
        total = Reconstructor.__new__(Reconstructor)
        total.box, total.size = self.box, self.size
        total.pixel_size_angstrom = self.pixel_size_angstrom
        total.count = self.count + other.count
        total._grid = self._grid + other._grid.to(self._grid.device)
        return total

    @torch.no_grad()
    def volume(
        self, floor: float = 1e-3, back_projected: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The map of what was added, band-limited to Nyquist.

        Parameters
        ----------
        floor : float
            A weight counts as no less than this fraction of the mean weight of its shell, so that
            directions that were hardly seen stay quiet instead of blowing up.
        back_projected : torch.Tensor, optional
            (box, box, box): added to the sum of the back-projected images, in real space and in
            their grey values. What was deformed does not lie in the slices that were inserted but
            also in the gaps between them: it is divided by no less than the mean weight around.

        Returns
        -------
        torch.Tensor
            (z, y, x) float32, the centre at index box // 2; 0 where there are no particles.
        """
        grid = symmetrise(self._grid)
        weight = grid[..., 2]
        least = self._least_weight(weight, floor)
        ratio = torch.view_as_complex(grid[..., :2].contiguous())
        ratio /= torch.maximum(weight, least)
        if back_projected is not None:
            local = torch.maximum(_local_mean(weight), least)
            ratio += self._transform_of(back_projected) / torch.maximum(weight, local)
        del grid, weight, least
        padded = torch.fft.fftshift(torch.fft.irfftn(ratio, s=(self.size,) * 3))
        return self._crop(padded)  # with the centre at index size // 2 before and box // 2 after

    def _least_weight(self, weight: torch.Tensor, floor: float) -> torch.Tensor:
        """What a weight counts as at least: a fraction of its shell's mean, infinite beyond
        Nyquist, where nothing belongs into the map."""
        shell = rfft_shell(self.size, 3, weight.device)
        sums = torch.bincount(shell.flatten(), weight.flatten())
        least = floor * sums / torch.bincount(shell.flatten())
        least[self.size // 2 :] = torch.inf
        return least.clamp_min(torch.finfo(torch.float32).tiny).float()[shell]

    def _crop(self, padded: torch.Tensor) -> torch.Tensor:
        """Cut out the box and undo the trilinear kernel, which is sinc^2 in real space."""
        return padded[(self._inner,) * 3] / self._falloff()

    def _transform_of(self, back_projected: torch.Tensor) -> torch.Tensor:
        """The transform on the grid, as insertion would have made it: the opposite of `_crop`.

        A slice of an image inserted as it is has the back-projected grey value box^2 / size^3.
        """
        padded = torch.zeros((self.size,) * 3, device=self.device)
        cube = back_projected.to(self.device) * self._falloff()
        padded[(self._inner,) * 3] = cube * self.box**2
        transform: torch.Tensor = torch.fft.rfftn(torch.fft.ifftshift(padded))
        return transform / self.size**3

    @property
    def _inner(self) -> slice:
        """The box within the padded one, centre to centre."""
        first = self.size // 2 - self.box // 2
        return slice(first, first + self.box)

    def _falloff(self) -> torch.Tensor:
        """The trilinear kernel in real space, (box, box, box)."""
        axis = torch.arange(self.box, device=self.device) - self.box // 2
        one = torch.sinc(axis / self.size).square()
        return one * one[:, None] * one[:, None, None]


def _local_mean(weight: torch.Tensor) -> torch.Tensor:
    """The mean of (p, p, p // 2 + 1) weights over the neighbourhood of each, to fill the gaps
    between slices."""
    mean: torch.Tensor = torch.nn.functional.avg_pool3d(
        weight[None, None], 2 * _GAP + 1, stride=1, padding=_GAP, count_include_pad=False
    )
    return mean[0, 0]
