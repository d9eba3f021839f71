"""What OPUS-DSD trains: volumes on the voxels of a mask, their images, and the codes of images."""

from dataclasses import dataclass

import torch
from torch import nn

from napari_conformix.errors import UserError
from napari_conformix.imaging import (
    fourier_resize_3d,
    low_pass,
    project_voxels,
    sample_images,
    voxel_positions,
)
from napari_conformix.methods.likelihood import ImageLikelihood
from napari_conformix.methods.opusdsd.augmentation import vary_contrast_and_brightness
from napari_conformix.methods.opusdsd.networks import CubeSide, Decoder, Encoder
from napari_conformix.methods.opusdsd.settings import OpusDsdSettings
from napari_conformix.training.contract import Batch, Frame

#: share of a mask's full value from which a voxel belongs to it
_EDGE = 0.02
#: share of the power that a CTF lets pass at least, lest an image without contrast become all noise
_LEAST_PASSED = 0.02
#: side of the smallest cube that networks are built for
_SMALLEST_CUBE = 10


@dataclass(frozen=True)
class Grid:
    """The voxels that are decoded, inside a mask on the decoder's grid.

    box         voxels of the decoder's grid along the whole image
    voxel       A, edge of a voxel
    side        of the cube of the networks, which holds the mask
    inside      (n,) int64, index into the flattened grid (z, y, x)
    positions   (n, 3) xyz A from the centre
    in_cube     (n,) int64, index into the flattened cube
    weight      (n,) the mask's value
    """

    box: int
    voxel: float
    side: CubeSide
    inside: torch.Tensor
    positions: torch.Tensor
    in_cube: torch.Tensor
    weight: torch.Tensor

    @classmethod
    def of(cls, mask: torch.Tensor, box: int, frame: Frame) -> "Grid":
        """The grid inside a soft mask.

        Parameters
        ----------
        mask : torch.Tensor
            (z, y, x) on a grid of `box`, 0 outside and 1 inside.
        box : int
            Voxels of the decoder's grid along the whole image.
        frame : Frame
            The grids of the run; the working grid says how large the image is.

        Returns
        -------
        Grid
            Of the voxels where the mask is above 0.02.

        Raises
        ------
        UserError
            If the mask is empty.
        """
        voxel = frame.working_box * frame.working_pixel_size_angstrom / box
        soft = mask.clamp(0, 1)
        positions, inside = voxel_positions(box, voxel, soft > _EDGE)
        if not len(inside):
            raise UserError(
                "The mask is empty on the grid that volumes are decoded on, so there is nothing to "
                "train. Check the mask's values (0 outside, 1 inside), or raise decoder_box."
            )
        zyx = torch.stack([inside // box**2, inside // box % box, inside % box], dim=1)
        low, high = zyx.amin(0), zyx.amax(0) + 1
        side = CubeSide.enclosing(max(int((high - low).max()), _SMALLEST_CUBE))
        corner = (low + high) // 2 - side.voxels // 2
        z, y, x = (zyx - corner).unbind(1)
        in_cube = (z * side.voxels + y) * side.voxels + x
        return cls(box, voxel, side, inside, positions, in_cube, soft.flatten()[inside])


class VolumeModel(ImageLikelihood):
    """The decoder and encoder with image formation between them.

    base       (n,) the map that all particles share, in units of `grey`
    consensus  (n,) what it began as, and the encoder's reference where `base` is not used
    grey       0-d, image grey value that a network's output of 1 stands for
    map_grey   0-d, grey value of the consensus map that it stands for
    input_scale  0-d, standard deviation of the encoder's input before it is divided by it
    varies     (n,) share of the decoder's output that counts at every voxel (the focus mask)
    """

    def __init__(self, settings: OpusDsdSettings, frame: Frame, grid: Grid) -> None:
        super().__init__(frame.working_box)
        self.settings = settings
        self.frame = frame
        self.box_of_grid, self.voxel, self.side = grid.box, grid.voxel, grid.side
        d, width = settings.latent_dim, settings.width
        self.encoder = Encoder(grid.side.voxels, d, width)
        self.decoder = Decoder(grid.side, d, width)
        self._tensor("inside", grid.inside)
        self._tensor("positions", grid.positions)
        self._tensor("in_cube", grid.in_cube)
        self._tensor("weight", grid.weight)
        in_cube = torch.zeros(grid.side.voxels**3, dtype=torch.bool)
        in_cube[grid.in_cube] = True
        self.register_buffer("cube_inside", in_cube.view(3 * (grid.side.voxels,)), persistent=False)
        count = len(grid.inside)
        self._tensor("varies", torch.ones(count))
        self._tensor("consensus", torch.zeros(count))
        self._tensor("grey", torch.tensor(1.0))
        self._tensor("map_grey", torch.tensor(1.0))
        self._tensor("input_scale", torch.tensor(1.0))
        self.base = nn.Parameter(torch.zeros(count), requires_grad=settings.base == "consensus")

    inside: torch.Tensor
    positions: torch.Tensor
    in_cube: torch.Tensor
    cube_inside: torch.Tensor
    weight: torch.Tensor
    varies: torch.Tensor
    consensus: torch.Tensor
    grey: torch.Tensor
    map_grey: torch.Tensor
    input_scale: torch.Tensor

    def _tensor(self, name: str, value: torch.Tensor) -> None:
        self.register_buffer(name, value)

    # -- set-up -----------------------------------------------------------------------------------

    @torch.no_grad()
    def begin_with(self, consensus: torch.Tensor) -> None:
        """Start from the consensus map.

        Parameters
        ----------
        consensus : torch.Tensor
            (z, y, x) on the decoder's grid.

        Raises
        ------
        UserError
            If the map is flat inside the mask.
        """
        values = consensus.flatten()[self.inside] * self.weight
        spread = float(values.std())
        if not spread > 0:
            raise UserError("The consensus map is flat inside the mask. Check both files.")
        self.consensus.copy_(values / spread)
        self.map_grey.fill_(spread)
        if self.settings.base == "consensus":
            self.base.copy_(self.consensus)

    @torch.no_grad()
    def fit_grey(self, batches: list[Batch], *, strict: bool) -> None:
        """Noise and image power from images, and the grey scale that fits them best.

        The scale is that of projections of the consensus (least squares). The standard deviation of
        the encoder's input follows from the same images.

        Parameters
        ----------
        batches : list of Batch
            On the model's device.
        strict : bool
            Refuse a scale that is not positive; otherwise the one before is kept.

        Raises
        ------
        UserError
            If `strict` and the scale is not positive.
        """
        observed = [self.observed(batch) for batch in batches]
        self.estimate_noise(self.shell_power(torch.cat(observed)))
        self.image_power.copy_(self.noise_power)
        overlap = power = 0.0
        for batch, image in zip(batches, observed, strict=True):
            unit = self.predict(self.consensus.expand(len(batch), -1), batch) / self.grey
            more = self.best_scale(image, unit)
            overlap, power = overlap + more[0], power + more[1]
        if overlap > 0:
            self.grey.fill_(overlap / power)
        elif strict:
            raise UserError(
                "The images do not agree with projections of the consensus map: their best scale "
                f"is {overlap / max(power, 1e-30):.3g}, not positive. Check the contrast "
                "(setting invert_contrast), the map, and the poses."
            )
        self.input_scale.fill_(1.0)
        within = self.weight > 0.5 * self.weight.max()
        shown = torch.cat([self.encoder_input(batch)[:, within] for batch in batches])
        self.input_scale.copy_(shown.std())

    def _flat(self, power: torch.Tensor) -> torch.Tensor:
        """White noise of the same total power within Nyquist's circle."""
        mean = (power[self.shells] * self.multiplicity).sum() / self.pixels
        return mean.expand_as(power)

    def estimate_noise(self, power: torch.Tensor) -> None:
        """Adopt the shell power of images, or of what is left of held-out ones.

        Parameters
        ----------
        power : torch.Tensor
            (box // 2 + 1,); with the setting noise = white, only its total counts.
        """
        self.set_noise(power if self.settings.noise == "shells" else self._flat(power))

    # -- the forward model ------------------------------------------------------------------------

    def predict(self, values: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Transforms of the images of voxels.

        Always in float32: bfloat16 would round positions of 100 A to half an Angstrom.

        Parameters
        ----------
        values : torch.Tensor
            (b, n) densities inside the mask, in units of `grey`.
        batch : Batch
            b particles: their poses, shifts and CTFs.

        Returns
        -------
        torch.Tensor
            (b, h, w // 2 + 1) complex.
        """
        return self.project(values, batch) * batch.ctf

    def project(self, values: torch.Tensor, batch: Batch) -> torch.Tensor:
        """As `predict` without the CTF.

        Parameters
        ----------
        values : torch.Tensor
            (b, n) densities inside the mask, in units of `grey`.
        batch : Batch
            b particles: their poses and shifts.

        Returns
        -------
        torch.Tensor
            (b, h, w // 2 + 1) complex.
        """
        with torch.autocast(values.device.type, enabled=False):
            return project_voxels(
                values.float() * self.grey,
                self.positions,
                batch.rotation,
                batch.shift_angstrom,
                self.box,
                self.frame.working_pixel_size_angstrom,
                self.settings.oversampling,
                self.voxel,
            )

    def decode_cube(self, latent: torch.Tensor) -> torch.Tensor:
        """What the decoder adds to the base, before any mask.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d).

        Returns
        -------
        torch.Tensor
            (b, m, m, m), in units of `grey`.
        """
        volume: torch.Tensor = self.decoder(latent)
        return volume

    def values(self, cube: torch.Tensor) -> torch.Tensor:
        """Densities inside the mask: the base, and what the decoder adds to it.

        Parameters
        ----------
        cube : torch.Tensor
            (b, m, m, m) of the decoder.

        Returns
        -------
        torch.Tensor
            (b, n), in units of `grey`.
        """
        added = cube.flatten(1).index_select(1, self.in_cube).float()
        return self.base + added * (self.weight * self.varies)

    def encoder_input(self, batch: Batch, augment: bool = False) -> torch.Tensor:
        """Images turned into the consensus frame, at the voxels inside the mask.

        With the setting encoder_input = difference, what is left of an image when its projection of
        the base is taken off, times the CTF and over the noise: back-projected, the gradient of the
        likelihood in the volume. What the encoder has to find is then not buried under what all
        images share, and the sign of the contrast is right at every frequency. Each is divided by
        the share of the molecule's power that passes its CTF twice: else a structure would look
        fainter close to focus, and its codes would lie nearer to the middle there.

        Parameters
        ----------
        batch : Batch
            b particles.
        augment : bool
            Vary contrast and brightness of the images.

        Returns
        -------
        torch.Tensor
            (b, n), divided by `input_scale`.
        """
        settings = self.settings
        with torch.autocast(batch.images.device.type, enabled=False):
            images = batch.images.float()
            if augment:
                images = vary_contrast_and_brightness(
                    images, settings.contrast, settings.brightness
                )
            if settings.encoder_input == "difference":
                images = self._differences(batch, images)
            seen = sample_images(
                images,
                self.positions,
                batch.rotation,
                batch.shift_angstrom,
                self.frame.working_pixel_size_angstrom,
            )
            return seen * self.weight / self.input_scale

    def _differences(self, batch: Batch, images: torch.Tensor) -> torch.Tensor:
        common = self.base if self.settings.base == "consensus" else self.consensus
        observed = torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)))
        projection = self.project(common.detach().expand(len(batch), -1), batch)
        difference = observed - projection * batch.ctf
        noise = self.noise_power[self.shells]
        weight = (self.multiplicity > 0) * noise.mean() / noise
        filtered = torch.fft.irfft2(difference * batch.ctf * weight, s=images.shape[-2:])
        centred: torch.Tensor = torch.fft.fftshift(filtered, dim=(-2, -1))
        return centred / self._passed(projection, batch.ctf)[:, None, None]  # (b, h, w)

    def _passed(self, projection: torch.Tensor, ctf: torch.Tensor) -> torch.Tensor:
        """(b,): the share of the projections' power over the noise that passes the CTF twice."""
        power = torch.view_as_real(projection).square().sum(-1) * self.pixel_weight
        passed = (power * ctf.square()).sum((-2, -1)) / power.sum((-2, -1))
        return passed.clamp_min(_LEAST_PASSED)

    def encode(self, batch: Batch, augment: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents of every particle of a batch.

        Parameters
        ----------
        batch : Batch
            b particles.
        augment : bool
            Vary contrast and brightness of what the encoder sees.

        Returns
        -------
        mean, log_sigma : torch.Tensor
            (b, d) float32 each.
        """
        with torch.no_grad():
            seen = self.encoder_input(batch, augment)
            side = self.side.voxels
            cube = seen.new_zeros(len(seen), side**3)
            cube.scatter_(1, self.in_cube.expand_as(seen), seen)
        mean, log_sigma = self.encoder(cube.view(-1, side, side, side))
        return mean.float(), log_sigma.float()

    # -- results ----------------------------------------------------------------------------------

    def volume(self, latent: torch.Tensor) -> torch.Tensor:
        """Volumes of latents in the consensus frame, box and grey scale.

        From a coarser grid nothing finer than its Nyquist sphere: images say nothing of the corners
        beyond, which hold the consensus map as it was and what the decoder happens to make.

        Parameters
        ----------
        latent : torch.Tensor
            (b, d).

        Returns
        -------
        torch.Tensor
            (b, z, y, x) on the consensus grid.
        """
        values = self.values(self.decode_cube(latent)) * self.map_grey
        grid = values.new_zeros(len(values), self.box_of_grid**3)
        grid[:, self.inside] = values
        grid = grid.view(-1, *3 * (self.box_of_grid,))
        if self.box_of_grid == self.frame.box:
            return grid  # (b, z, y, x)
        whole, pixel = self.frame.box, self.frame.pixel_size_angstrom
        finest = 2 * self.voxel
        return torch.stack([low_pass(fourier_resize_3d(one, whole), pixel, finest) for one in grid])
