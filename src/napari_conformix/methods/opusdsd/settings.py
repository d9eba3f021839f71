"""Settings of OPUS-DSD; docs/opusdsd.md says where and why a default is not the paper's."""

from typing import Any, ClassVar, Literal

from napari_conformix.training.settings import InputFile, TrainingSettings, setting


class OpusDsdSettings(TrainingSettings):
    """What a user may choose; the first few are shown at once, the rest folds away."""

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "standard": {},
        "quick": {"epochs": 12, "working_box": 32},
        "paper": {
            "width": 1.0,
            "batch_size": 72,
            "learning_rate": 1e-4,
            "encoder_input": "image",
            "base": "none",
            "noise": "white",
        },
    }

    epochs: int = setting(20, "Sweeps over all training particles", ge=1, le=10_000)
    latent_dim: int = setting(8, "Latent dimensions", ge=1, le=64)
    width: float = setting(
        0.125,
        "Channels of all layers, as a share of the paper's; 0.125 suits a laptop, 1 a GPU",
        gt=0.0,
        le=4.0,
    )
    prior_strength: float = setting(
        0.5,
        "Strength of the structural disentanglement prior: 1 for strong signal (a ribosome), 0.5 "
        "for weak, 0 for none",
        ge=0.0,
        le=100.0,
    )

    keep_checkpoints: int = setting(
        20,
        "How many of the newest epochs can be opened again, next to the best",
        ge=1,
        advanced=True,
    )
    decoder_box: int = setting(
        0,
        "Box of the grid that volumes are decoded on, over the extent of the images; 0 takes the "
        "working box",
        unit="px",
        ge=0,
        le=1024,
        advanced=True,
    )
    base: Literal["consensus", "none"] = setting(
        "consensus",
        "What the decoder adds to: consensus - a map that begins as the consensus and is trained; "
        "none - nothing (paper)",
        advanced=True,
    )
    encoder_input: Literal["difference", "image"] = setting(
        "difference",
        "What the encoder sees: difference - the image less its projection of the consensus, times "
        "the CTF; image - the image as it is (paper)",
        advanced=True,
    )
    focus_mask: InputFile | None = setting(
        None,
        "Soft mask (MRC) of the part that varies; all else keeps the common map",
        expert=True,
    )
    noise: Literal["shells", "white"] = setting(
        "shells",
        "Noise that the squared error is divided by: shells - estimated by Fourier shell from "
        "held-out particles; white - the same everywhere (paper)",
        advanced=True,
    )
    kl_weight: float = setting(
        0.01, "Weight of the Kullback-Leibler term (lambda_KL)", ge=0.0, advanced=True
    )
    total_variation: float = setting(
        1.0, "Weight of the total variation of volumes (lambda_tv)", ge=0.0, advanced=True
    )
    lasso: float = setting(
        0.3, "Weight of the mean of absolute values of volumes (lambda_l1)", ge=0.0, advanced=True
    )
    annealing_cycles: int = setting(
        4, "Times that the weight of the latent priors rises from 0 to 1", ge=1, advanced=True
    )
    annealing_rise: float = setting(
        0.5, "Share of each of these cycles in which it rises", ge=0.0, le=1.0, advanced=True
    )
    neighbours_within: int = setting(
        4, "Nearest codes of the same projection class that attract (K1)", ge=0, advanced=True
    )
    neighbours_across: int = setting(
        128, "Nearest codes of other projection classes that attract (K2)", ge=0, advanced=True
    )
    furthest: int = setting(
        512, "Furthest codes of other projection classes that repel (N2)", ge=0, advanced=True
    )
    bank_sample: int = setting(
        12_800, "Codes drawn from the memory bank for every batch", ge=0, advanced=True
    )
    bank_momentum: float = setting(
        0.7,
        "Share of its old code that a particle keeps in the bank",
        ge=0.0,
        lt=1.0,
        advanced=True,
    )
    projection_nside: int = setting(
        2, "HEALPix resolution of the projection classes; 2 makes 48", ge=1, le=16, advanced=True
    )
    contrast: float = setting(
        0.2, "Random change of the contrast of the encoder's input", ge=0.0, lt=1.0, advanced=True
    )
    brightness: float = setting(
        0.2,
        "Random change of the brightness of the encoder's input",
        unit="sigma of the image",
        ge=0.0,
        le=10.0,
        advanced=True,
    )
    learning_rate: float = setting(
        1e-3, "Adam's step for encoder and decoder (paper: 1e-4)", gt=0.0, le=1.0, advanced=True
    )
    learning_rate_decay: float = setting(
        0.95, "Factor on the learning rate after each epoch", gt=0.0, le=1.0, advanced=True
    )
    pose_neighbours: Literal[0, 6, 8, 14] = setting(
        0,
        "Neighbouring poses that every image is softly assigned to; 0 trusts the poses (paper)",
        advanced=True,
    )
    pose_spread: float = setting(
        1.0, "How far they are turned from the refined pose", unit="degrees", gt=0.0, le=30.0,
        advanced=True,
    )  # fmt: skip
    image_scale: bool = setting(
        False, "Fit the contrast of every image to its prediction", advanced=True
    )
    oversampling: int = setting(
        3, "Finer grid that voxels are projected on", ge=1, le=4, advanced=True
    )
    noise_particles: int = setting(
        512, "Held-out particles from which the noise is estimated", ge=16, advanced=True
    )
