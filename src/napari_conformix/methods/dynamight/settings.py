"""Settings of DynaMight; defaults are the paper's unless the help says otherwise."""

from typing import Any, ClassVar, Literal

from napari_conformix.training.settings import InputFile, TrainingSettings, setting


class DynaMightSettings(TrainingSettings):
    """What a user may choose; the first six are shown at once, the rest folds away."""

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "standard": {},
        "quick": {"epochs": 20, "most_gaussians": 2000, "warmup_epochs": 2},
    }
    contour_setting: ClassVar[str | None] = "threshold"

    gaussians: int = setting(
        0,
        "Number of Gaussians; 0 derives it from the map's volume at the threshold (2 a residue)",
        ge=0,
        le=200_000,
    )
    threshold: float = setting(
        0.0,
        "Map value above which Gaussians are placed; 0 chooses it from the map",
        unit="map grey value",
        ge=0.0,
    )
    latent_dim: int = setting(6, "Latent dimensions", ge=1, le=64)
    regularisation: float = setting(
        0.9,
        "Weight of the smoothness of deformations, as a ratio of gradient norms",
        ge=0.0,
        le=100.0,
    )

    most_gaussians: int = setting(
        200_000,
        "Upper limit of the number that is derived from the map",
        ge=64,
        le=200_000,
        advanced=True,
    )
    gaussian_classes: int = setting(
        1,
        "Width classes of the Gaussians (N_c); more where the map's resolution varies strongly",
        ge=1,
        le=8,
        advanced=True,
    )
    mask_mode: Literal["auto", "solvent", "part"] = setting(
        "auto",
        "What a mask says: solvent - only where the molecule is; part - the part that moves, all "
        "else stays fixed; auto - part if the mask leaves out 5 % of the density or more",
        advanced=True,
    )
    atomic_model: InputFile | None = setting(
        None,
        "PDB or mmCIF file fitted into the consensus map, whose atoms and bonds take the place of "
        "Gaussians filling the map; biases the results towards that model",
        expert=True,
    )
    warmup_epochs: int = setting(
        3, "First epochs in which only the Gaussians are fitted", ge=0, le=1000, advanced=True
    )
    reference_every: int = setting(
        30,
        "Epochs of training after which the networks rest and the Gaussians alone are trained; "
        "0 never",
        unit="epochs",
        ge=0,
        advanced=True,
    )
    reference_epochs: int = setting(
        5, "Epochs in which the networks then rest", unit="epochs", ge=0, advanced=True
    )
    replace_every: int = setting(
        10,
        "Epochs of training after which the reference becomes the prediction of smallest "
        "displacement; 0 never",
        unit="epochs",
        ge=0,
        advanced=True,
    )
    align_radius: float = setting(
        6.0,
        "Half 2's reference is aligned to half 1's: Gaussians this close to one of half 1 agree",
        unit="A",
        gt=0.0,
        advanced=True,
    )
    align_predictions: int = setting(
        100,
        "Predictions that agree best, whose mean becomes half 2's reference; 0 does not align",
        ge=0,
        advanced=True,
    )
    stop_after_rises: int = setting(
        40,
        "Training ends when the held-out loss rose from one epoch to the next for this many "
        "times; 0 trains all epochs",
        ge=0,
        advanced=True,
    )
    lambda_smoothing: float = setting(
        0.8,
        "How much of the last epoch's weight of smoothness is kept (geometric mean); 0 is the "
        "paper's, where chance sets the weights of the halves apart by factors",
        ge=0.0,
        lt=1.0,
        advanced=True,
    )
    embedding: Literal["per-particle", "encoder"] = setting(
        "per-particle",
        "What gives a particle its latent: per-particle - it is fitted to the particle's own "
        "image; encoder - the paper's network, which sees the image",
        advanced=True,
    )
    decoder: Literal["modes", "coordinate"] = setting(
        "modes",
        "What makes displacements of a latent: modes - learnt modes of motion, about ten times "
        "faster; coordinate - the paper's network of position and latent",
        advanced=True,
    )
    modes: int = setting(
        32, "Modes of motion of the modes decoder (12 a rigid body)", ge=1, le=1024, advanced=True
    )
    decoder_width: int = setting(
        0,
        "Width of the decoder's layers; 0 is 64 for modes, 32 (paper) for coordinate",
        ge=0,
        le=1024,
        advanced=True,
    )
    decoder_layers: int = setting(
        0,
        "Linear layers of the decoder; 0 is 4 for modes, 8 (paper) for coordinate",
        ge=0,
        le=32,
        advanced=True,
    )
    encoding_frequencies: int = setting(
        10, "Frequencies of the positional encoding (sine and cosine)", ge=1, le=16, advanced=True
    )
    encoder_width: int = setting(
        256, "Width of the encoder's first layer", ge=16, le=4096, advanced=True
    )
    encoder_pooling: int = setting(
        2, "Images are averaged over blocks of this side before the encoder", ge=1, le=8, unit="px",
        advanced=True,
    )  # fmt: skip
    oversampling: int = setting(
        2, "Finer grid that Gaussians are splatted on", ge=1, le=4, advanced=True
    )
    learning_rate: float = setting(
        1e-3, "Adam's step for the decoder", gt=0.0, le=1.0, advanced=True
    )
    encoder_learning_rate: float = setting(
        1e-3, "Adam's step for the encoder", gt=0.0, le=1.0, advanced=True
    )
    latent_learning_rate: float = setting(
        0.1, "Adam's step for latents of particles", gt=0.0, le=10.0, advanced=True
    )
    settled_learning_rate: float = setting(
        0.1,
        "Share of every step size that is left in the last epoch; it falls over the last quarter "
        "of a run, 1 keeps it",
        gt=0.0,
        le=1.0,
        advanced=True,
    )
    reference_learning_rate: float = setting(
        0.02, "Adam's step for the Gaussians' positions", unit="A", ge=0.0, le=10.0, advanced=True
    )
    kl_weight: float = setting(
        0.01, "Weight of the Kullback-Leibler term, divided by the number of pixels", ge=0.0,
        advanced=True,
    )  # fmt: skip
    neighbour_factor: float = setting(
        1.5,
        "Gaussians closer than this times their mean distance to two neighbours are connected",
        gt=0.0,
        le=5.0,
        advanced=True,
    )
    noise_particles: int = setting(
        512, "Held-out particles per half from which the noise is estimated", ge=16, advanced=True
    )

    @property
    def decoder_shape(self) -> tuple[int, int]:
        """Width and number of linear layers of the decoder that is chosen."""
        width, layers = (64, 4) if self.decoder == "modes" else (32, 8)
        return self.decoder_width or width, max(self.decoder_layers or layers, 2)

    def bias(self) -> str | None:
        if self.atomic_model is None:
            return None
        return (
            "Model-biased: this run took its Gaussians and their bonds from "
            f"{self.atomic_model.name}; features of that model may appear in the results without "
            "being in the images."
        )

    def for_enclosed_volume(self, enclosed_angstrom3: float) -> str:
        """The number of Gaussians for a contour, in words, as the settings have it.

        Parameters
        ----------
        enclosed_angstrom3 : float
            Volume that the contour encloses, in A^3.

        Returns
        -------
        str
            For the page where the contour is chosen.
        """
        from napari_conformix.methods.dynamight.reference import gaussians_for_volume

        if self.gaussians:
            return f"{self.gaussians:,} Gaussians, as the settings say"
        derived = gaussians_for_volume(enclosed_angstrom3)
        if derived > self.most_gaussians:
            return f"{self.most_gaussians:,} Gaussians, the most that the settings allow"
        return f"{derived:,} Gaussians, two a residue"
