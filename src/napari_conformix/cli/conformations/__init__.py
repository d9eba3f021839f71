"""Commands about the states of a molecule: decoding, paths, movies, landscapes, UMAP, embedding.

The functions register themselves with the application.
"""

from napari_conformix.cli.conformations import (
    decode,
    embedding,
    landscape,
    movie,
    movie_process,
    paths,
    umap,
)
from napari_conformix.cli.conformations.decode import (
    PC_PERCENTILES,
    map_files,
    note_latents,
    numbers,
    write_maps,
)
from napari_conformix.cli.conformations.decoding import along_component, latents_of_path
from napari_conformix.cli.conformations.movie_process import record

__all__ = [
    "PC_PERCENTILES",
    "along_component",
    "decode",
    "embedding",
    "landscape",
    "latents_of_path",
    "map_files",
    "movie",
    "movie_process",
    "note_latents",
    "numbers",
    "paths",
    "record",
    "umap",
    "write_maps",
]
