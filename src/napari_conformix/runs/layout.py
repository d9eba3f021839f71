"""Names of the files in a job folder: the protocol between window, command line and trainer."""

from napari_conformix.runs.control import ABORT_FILE, PAUSE_FILE

SPEC = "job.toml"
EVENTS = "events.jsonl"
SPLIT = "split.npz"
LATENTS = "latents.npz"
LATENT_HISTORY = "latents"
CHECKPOINTS = "checkpoints"
SELECTIONS = "selections"
SUBSETS = "subsets"
MASKS = "masks"
MOVIES = "movies"
VOLUMES = "volumes"
RECONSTRUCTION = "reconstruction"
CACHE = "cache"
ANALYSIS = "analysis"
CLUSTERS = "clusters"
PATHS = "paths"
UMAPS = "umap"
MOTION = "analysis/motion.npz"
INVARIANCE = "analysis/invariance.json"
HETEROGENEITY = "analysis/heterogeneity.json"
REPORT_PAGE = "analysis/report.html"
REPORT_TABLE = "analysis/particles.csv"
STDOUT = "run.out"
STDERR = "run.err"
LOCK = "trainer.lock"
SUCCESS = "RELION_JOB_EXIT_SUCCESS"
FAILURE = "RELION_JOB_EXIT_FAILURE"
ABORTED = "RELION_JOB_EXIT_ABORTED"

#: how a run may have ended, in files
MARKERS = (SUCCESS, FAILURE, ABORTED)

__all__ = [
    "ABORTED",
    "ABORT_FILE",
    "ANALYSIS",
    "CACHE",
    "CHECKPOINTS",
    "CLUSTERS",
    "EVENTS",
    "FAILURE",
    "HETEROGENEITY",
    "INVARIANCE",
    "LATENTS",
    "LATENT_HISTORY",
    "LOCK",
    "MARKERS",
    "MASKS",
    "MOTION",
    "MOVIES",
    "PATHS",
    "PAUSE_FILE",
    "RECONSTRUCTION",
    "REPORT_PAGE",
    "REPORT_TABLE",
    "SELECTIONS",
    "SPEC",
    "SPLIT",
    "STDERR",
    "STDOUT",
    "SUBSETS",
    "SUCCESS",
    "UMAPS",
    "VOLUMES",
]
