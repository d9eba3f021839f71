"""The device and precision of a run, through lightning-fabric."""

import os
from typing import TYPE_CHECKING, Any

import torch

from napari_conformix.errors import UserError
from napari_conformix.training.settings import TrainingSettings

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def make_fabric(device: str, settings: TrainingSettings) -> "Fabric":
    """A Fabric for a device, in one process; also sets the number of CPU threads.

    Parameters
    ----------
    device : str
        'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'.
    settings : TrainingSettings
        Precision and threads.

    Returns
    -------
    lightning_fabric.Fabric
        Of that device and precision.

    Raises
    ------
    UserError
        If the device is not there, or under torchrun with several processes.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError(
            "Training with several processes (torchrun) is not supported by this version; start "
            "the trainer in one process and choose one GPU with --device cuda:N."
        )
    chosen = resolve_device(device)
    use_threads(settings)
    precision: Any = settings.precision
    if precision == "auto":
        modern = chosen.type == "cuda" and torch.cuda.is_bf16_supported()
        precision = "bf16-mixed" if modern else "32-true"
    devices = [chosen.index or 0] if chosen.type == "cuda" else 1
    # One process, whatever a cluster's environment variables say of the allocation.
    alone = LightningEnvironment()
    return Fabric(accelerator=chosen.type, devices=devices, precision=precision, plugins=[alone])


def use_threads(settings: TrainingSettings) -> None:
    """Let torch compute with as many threads as the settings say; sums depend on their number.

    Parameters
    ----------
    settings : TrainingSettings
        `threads` of 0 leaves one core free.
    """
    torch.set_num_threads(settings.threads or max(1, (os.cpu_count() or 2) - 1))


def device_in_words(device: torch.device) -> str:
    """A device for the `started` event.

    Parameters
    ----------
    device : torch.device
        Of the run.

    Returns
    -------
    str
        With the name of a GPU, or the number of CPU threads.
    """
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu ({threads} thread{'s' * (threads != 1)})"
    return str(device)


def resolve_device(name: str) -> torch.device:
    """The device of a name.

    Parameters
    ----------
    name : str
        'auto' (a GPU where there is one), or what `torch.device` takes.

    Returns
    -------
    torch.device
        One that is there.

    Raises
    ------
    UserError
        If there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(
            f"There is no device {name!r}; choose auto, cpu, cuda or cuda:N."
        ) from error
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise UserError(
            f"The device {name!r} is not here: this machine shows {count} CUDA device(s) to "
            "torch. Choose --device cpu, or see `conformix doctor`."
        )
    return device
