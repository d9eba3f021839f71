"""Settings: one pydantic model makes `job.toml`, the command-line options and the form.

A field made with :func:`setting` carries its one-line help, unit, range and whether it is shown
at once, folded under Advanced, or, for experts, only on the command line and in scripts.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: a file that a run reads; its name is made absolute, and a job is only made when it is there
InputFile = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    advanced: bool = False,
    expert: bool = False,
    **constraints: Any,
) -> Any:
    """A settings field.

    Parameters
    ----------
    default : Any
        Its default value.
    help : str
        One line.
    unit : str
        For example 'px'; '' without one.
    advanced : bool
        Folded under Advanced in the window.
    expert : bool
        The window has no field for it.
    **constraints : Any
        Pydantic's ge, gt, le, lt.

    Returns
    -------
    Any
        What pydantic's `Field` returns.
    """
    extra: dict[str, Any] = {"unit": unit, "advanced": advanced, "expert": expert}
    return Field(default=default, description=help, json_schema_extra=extra, **constraints)


class TrainingSettings(BaseModel):
    """What every method shares. A method's settings model is a subclass of this one."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    #: name -> values that differ from the defaults; the first one is what a new job starts with
    presets: ClassVar[dict[str, dict[str, Any]]] = {"standard": {}}
    #: name of the setting that takes a contour of the consensus map, chosen where the map is
    #: looked at; None where a method has no use for one
    contour_setting: ClassVar[str | None] = None

    epochs: int = setting(100, "Sweeps over all training particles", ge=1, le=10_000)
    batch_size: int = setting(
        0, "Particles in one training step; 0 chooses from the free memory", ge=0, le=4096
    )
    working_box: int = setting(
        0,
        "Box that images are Fourier-cropped to for training; 0 keeps the consensus map's box",
        unit="px",
        ge=0,
        le=1024,
        advanced=True,
    )
    validation_fraction: float = setting(
        0.1, "Share of the particles held out for validation", gt=0.0, lt=0.5, advanced=True
    )
    images: Literal["auto", "memory", "cache", "stream"] = setting(
        "auto",
        "Where images wait: in memory, in a Fourier-cropped cache file, or read from the stacks",
        advanced=True,
    )
    normalise_images: bool = setting(
        False,
        "Bring each image's background to mean 0 and sigma 1 before training",
        advanced=True,
    )
    invert_contrast: bool = setting(
        False, "Multiply the images by -1 (only when the check says so)", advanced=True
    )
    precision: Literal["auto", "32-true", "bf16-mixed"] = setting(
        "auto", "Arithmetic; auto is 32-bit, and bfloat16 where a GPU supports it", advanced=True
    )
    threads: int = setting(
        0, "CPU threads for training; 0 leaves one core to the window", ge=0, le=256, advanced=True
    )
    seed: int = setting(1, "Seed of every random choice of the run", ge=0, advanced=True)
    latents_every: int = setting(
        1,
        "Epochs between two refreshes of the latent space view",
        unit="epochs",
        ge=1,
        advanced=True,
    )
    volume_every: int = setting(
        1, "Epochs between two refreshes of the live map", unit="epochs", ge=1, advanced=True
    )
    keep_checkpoints: int = setting(
        3, "How many of the newest checkpoints to keep next to the best", ge=1, advanced=True
    )
    keep_latents: int = setting(
        100,
        "Epochs whose latent space view is kept, to look back at; 0 keeps none (a million "
        "particles take "
        "about 40 MB an epoch)",
        unit="epochs",
        ge=0,
        advanced=True,
    )

    @classmethod
    def preset(cls, name: str) -> "TrainingSettings":
        """The settings of a named preset.

        Parameters
        ----------
        name : str
            One of `presets`.

        Returns
        -------
        TrainingSettings
            Of the class that it is called on.

        Raises
        ------
        ValueError
            If there is no such preset; the message names the known ones.
        """
        try:
            return cls(**cls.presets[name])
        except KeyError:
            known = ", ".join(cls.presets)
            raise ValueError(f"There is no preset {name!r}; known presets: {known}.") from None

    def bias(self) -> str | None:
        """What besides the images shapes the results, as an atomic model does.

        Returns
        -------
        str or None
            A sentence to show wherever results are; None where nothing does.
        """
        return None

    def for_enclosed_volume(self, enclosed_angstrom3: float) -> str:
        """What training would make of a contour, for the page where the contour is chosen.

        Parameters
        ----------
        enclosed_angstrom3 : float
            Volume that the contour encloses, in A^3.

        Returns
        -------
        str
            '' where the contour means nothing to the method.
        """
        return ""
