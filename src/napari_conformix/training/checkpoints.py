"""Checkpoints: weights as safetensors, the rest as a .pt of tensors and plain containers.

    checkpoints/epoch_0010.safetensors   enough to decode and encode, with its own description
    checkpoints/epoch_0010.resume.pt     what training needs beyond that
    checkpoints/last.json  best.json     {"epoch": 10}: which epoch that is
    checkpoints/chosen.json              likewise: the epoch that a run has ended on

The pointers are small files rather than links, since not every shared disk has links. They are
written last, so that what they name is always whole.
"""

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_conformix.errors import UserError
from napari_conformix.runs import atomic_json, atomic_write, formats, remove_leftovers

if TYPE_CHECKING:
    import torch

    from napari_conformix.training.contract import Frame, Method

#: how many of the newest epochs can be gone on from; the one before the last is a reserve
_RESUMABLE = 2


@dataclass(frozen=True)
class Description:
    """What the weights of a checkpoint belong to; kept in the file of weights itself."""

    format_version: int
    program_version: str
    method: str
    epoch: int
    frame: dict[str, Any]
    settings: dict[str, Any]


class CheckpointFolder:
    """The checkpoints of one job."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def weights_path(self, epoch: int) -> Path:
        """The file of weights of an epoch, there or not.

        Parameters
        ----------
        epoch : int
            Counted from 1.

        Returns
        -------
        pathlib.Path
            Such as epoch_0010.safetensors.
        """
        return self.folder / f"epoch_{epoch:04d}.safetensors"

    def resume_path(self, epoch: int) -> Path:
        """The file of what training needs beyond the weights of an epoch, there or not.

        Parameters
        ----------
        epoch : int
            Counted from 1.

        Returns
        -------
        pathlib.Path
            Such as epoch_0010.resume.pt.
        """
        return self.folder / f"epoch_{epoch:04d}.resume.pt"

    def epochs(self) -> list[int]:
        """Epochs whose weights are there.

        Returns
        -------
        list of int
            Ascending.
        """
        names = (path.name for path in self.folder.glob("epoch_*.safetensors"))
        return sorted(int(name.removeprefix("epoch_").split(".")[0]) for name in names)

    def last(self) -> int | None:
        """The epoch to resume from.

        Returns
        -------
        int or None
            None without a checkpoint.
        """
        return self._pointer("last")

    def best(self) -> int | None:
        """The epoch with the lowest validation loss.

        Returns
        -------
        int or None
            None without a checkpoint.
        """
        return self._pointer("best")

    def chosen(self) -> int | None:
        """The epoch that the last run has ended on.

        Returns
        -------
        int or None
            None while a run goes on, and for methods whose result is the last epoch.
        """
        return self._pointer("chosen")

    def choose(self, epoch: int | None) -> None:
        """Note the epoch that the run ends on.

        Parameters
        ----------
        epoch : int or None
            None: the run goes on.
        """
        if epoch is None:
            (self.folder / "chosen.json").unlink(missing_ok=True)
        else:
            self._point("chosen", epoch)

    def find(self, epoch: int | str | None = None) -> Path:
        """The file of weights of an epoch.

        Parameters
        ----------
        epoch : int or str, optional
            A number, 'best', or None and 'last' for the newest.

        Returns
        -------
        pathlib.Path
            Of a file that is there.

        Raises
        ------
        UserError
            If there is no checkpoint, or none of that epoch.
        """
        if epoch is None or epoch == "last":
            number = self.last()
        else:
            number = self.best() if epoch == "best" else int(epoch)
        if number is None:
            raise UserError(
                f"There is no checkpoint in {self.folder} yet; the first one is written when the "
                "first epoch is done."
            )
        path = self.weights_path(number)
        if not path.exists():
            there = ", ".join(str(e) for e in self.epochs()) or "none"
            raise UserError(f"There is no checkpoint of epoch {number}; there are: {there}.")
        return path

    def save(self, method: "Method", epoch: int, resume: dict[str, Any], *, best: bool) -> Path:
        """Write the checkpoint of an epoch, then let the pointers name it.

        Parameters
        ----------
        method : Method
            Whose `state` and settings are written.
        epoch : int
            Counted from 1.
        resume : dict of str to Any
            What training needs beyond that: tensors and plain containers only (it is loaded with
            weights_only).
        best : bool
            Whether this epoch has the lowest validation loss so far.

        Returns
        -------
        pathlib.Path
            The file of weights.

        Raises
        ------
        OSError
            If the disk is full; what was there before stands.
        """
        import safetensors.torch
        import torch

        remove_leftovers(self.folder, alone=True)
        described = Description(
            **formats.WEIGHTS.stamp(),
            method=method.name,
            epoch=epoch,
            frame=asdict(method.frame),
            settings=method.settings.model_dump(mode="json"),
        )
        tensors = {
            name: value.detach().cpu().contiguous().clone()
            for name, value in method.state().items()
        }
        metadata = {"conformix": json.dumps(asdict(described))}
        atomic_write(self.weights_path(epoch), safetensors.torch.save(tensors, metadata))
        buffer = io.BytesIO()
        torch.save(formats.RESUME.stamp() | resume, buffer)
        _check_loads(buffer)
        atomic_write(self.resume_path(epoch), buffer.getvalue())
        self._point("last", epoch)
        if best:
            self._point("best", epoch)
        return self.weights_path(epoch)

    def load_resume(self, epoch: int) -> dict[str, Any]:
        """What training needs beyond the weights of an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 1.

        Returns
        -------
        dict of str to Any
            As it was saved, tensors on the CPU.

        Raises
        ------
        UserError
            If the file is missing.
        """
        import torch

        path = self.resume_path(epoch)
        if not path.exists():
            raise UserError(f"{path} is missing, so training cannot go on from epoch {epoch}.")
        loaded: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        return formats.RESUME.unstamped(formats.RESUME.read(loaded, path))

    def prune(self, keep: int, also: int | None = None) -> None:
        """Remove checkpoints that are not kept.

        Kept are the newest `keep`, the best one, that of the epoch `also`, and none newer than the
        last one. Of all but the newest few only what decodes is kept: what training would go on
        from is several times as large.

        Parameters
        ----------
        keep : int
            How many of the newest.
        also : int, optional
            Another epoch whose checkpoint is kept.
        """
        last = self.last()
        if last is None:
            return
        older = [epoch for epoch in self.epochs() if epoch <= last]
        named = {epoch for epoch in (last, self.best(), also) if epoch is not None}
        kept = {*older[-keep:], *named}
        for epoch in set(self.epochs()) - kept:
            self.resume_path(epoch).unlink(missing_ok=True)
            self.weights_path(epoch).unlink(missing_ok=True)
        for epoch in kept - {*older[-_RESUMABLE:], last}:
            self.resume_path(epoch).unlink(missing_ok=True)

    def _pointer(self, name: str) -> int | None:
        path = self.folder / f"{name}.json"
        if not path.exists():
            return None
        return int(formats.POINTER.read_json(path.read_bytes(), path)["epoch"])

    def _point(self, name: str, epoch: int) -> None:
        atomic_json(self.folder / f"{name}.json", formats.POINTER.stamp() | {"epoch": epoch})


def load_weights(path: str | Path) -> "tuple[dict[str, torch.Tensor], Description]":
    """Tensors and description of a file of weights.

    Parameters
    ----------
    path : str or pathlib.Path
        Of a .safetensors file.

    Returns
    -------
    tensors : dict of str to torch.Tensor
        On the CPU, by the names of `Method.state`.
    description : Description
        What they belong to.

    Raises
    ------
    UserError
        If the file is not a checkpoint of this program, or of a later format.
    """
    import safetensors
    import safetensors.torch

    try:
        with safetensors.safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
        tensors = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} is not a readable checkpoint: {error}.") from error
    if "conformix" not in metadata:
        raise UserError(f"{path} was not written by this program: it carries no description.")
    described = formats.WEIGHTS.read_json(metadata["conformix"], path)
    return tensors, Description(**described)


def frame_of(description: Description) -> "Frame":
    """The grids that a checkpoint was trained on.

    Parameters
    ----------
    description : Description
        Of the checkpoint.

    Returns
    -------
    Frame
        Of the run.
    """
    from napari_conformix.training.contract import Frame

    return Frame(**description.frame)


def _check_loads(buffer: io.BytesIO) -> None:
    """A method that puts an object into its state should hear of it now, not at the resume."""
    import torch

    buffer.seek(0)
    torch.load(buffer, weights_only=True, map_location="cpu")
