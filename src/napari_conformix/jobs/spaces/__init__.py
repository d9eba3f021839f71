"""Where a job's particles lie: views of its latents, its UMAPs, and latents of new particles.

`umaps` and `views` are imported as modules, since their functions are `make`, `delete` and
the like.
"""

from napari_conformix.jobs.spaces import umaps
from napari_conformix.jobs.spaces.embedding import embed_particles, encode_rows, save_embedding
from napari_conformix.jobs.spaces.umaps import delete, embedding_of, umaps_of
from napari_conformix.jobs.spaces.views import latent_view, views_of

__all__ = [
    "delete",
    "embed_particles",
    "embedding_of",
    "encode_rows",
    "latent_view",
    "save_embedding",
    "umaps",
    "umaps_of",
    "views_of",
]
