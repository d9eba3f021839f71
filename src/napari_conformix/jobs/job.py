"""Job: a job folder, for scripts, the command line and the window alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_conformix.jobs import checks, comparison, paths
from napari_conformix.jobs.clusters import (
    ClusterSet,
    delete_clusters,
    make_clusters,
    reconstruct_clusters,
    sets_of,
    start_clustering,
    suggest_clusters,
)
from napari_conformix.jobs.clusters import Request as ClusterRequest
from napari_conformix.jobs.folder import (
    JobFolder,
    Source,
    creation,
    half_of,
    import_latents,
    refuse_without_decoder,
)
from napari_conformix.jobs.motion import (
    deformations_of,
    domains_of,
    write_body_masks,
)
from napari_conformix.jobs.reconstruction import ReconstructionRun, runs_of, to_the_end
from napari_conformix.jobs.rigid import measure_domain_motion
from napari_conformix.jobs.selections import (
    delete_selection,
    export_selection,
    load_selection,
    replay_selection,
    save_selection,
    selections_of,
    train_on,
)
from napari_conformix.jobs.spaces import embed_particles, encode_rows, umaps
from napari_conformix.jobs.training import launch_training, run_training
from napari_conformix.runs import Event

if TYPE_CHECKING:
    from napari_conformix.analysis.checks import Heterogeneity, Invariance
    from napari_conformix.analysis.clusters import How, Suggestion
    from napari_conformix.analysis.landscape import Landscape
    from napari_conformix.analysis.motion import Deformation, Domains, MotionTable, Verdict
    from napari_conformix.analysis.paths import LatentPath
    from napari_conformix.analysis.selections import Selection
    from napari_conformix.analysis.spaces import KeptUmap
    from napari_conformix.jobs.clusters import ClusteringHandle
    from napari_conformix.jobs.pictures import PictureOptions, Pictures
    from napari_conformix.jobs.rigid import DomainMotion
    from napari_conformix.jobs.selections import Replayed
    from napari_conformix.particles import ParticleSet
    from napari_conformix.reconstruction import HalfMaps
    from napari_conformix.training.settings import TrainingSettings


class Job(JobFolder):
    """A job folder with all that can be asked of it. Several objects, processes and hosts may look
    at one folder at once."""

    # -- making and opening -----------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        method: str,
        particles: str | Path,
        consensus: str | Path | None = None,
        mask: str | Path | None = None,
        datadir: str | Path | None = None,
        passthrough: str | Path | None = None,
        settings: "Mapping[str, Any] | TrainingSettings | None" = None,
        preset: str | None = None,
        check: bool = True,
    ) -> "Job":
        """Make a job folder. Raises UserError that lists all problems; then nothing is written.

        `settings` are laid over the preset (the method's first one if none is named).
        `check=False` skips the look at images and maps, not the validation of the settings.
        Warnings and notes of the checks are in `report` of the returned job.
        """
        folder = Path(folder).absolute()
        creation.refuse_used_folder(folder)
        inputs = creation.inputs_of(particles, passthrough, datadir, consensus, mask)
        made = creation.make_spec(
            method=method, inputs=inputs, settings=settings, preset=preset, check=check
        )
        creation.write_folder(folder, made.spec)
        return cls.just_made(folder, made)

    @classmethod
    def from_latents(
        cls,
        folder: str | Path,
        *,
        particles: str | Path,
        latents: str | Path,
        columns: Sequence[str] = (),
        rows: str | Path | None = None,
        consensus: str | Path | None = None,
        mask: str | Path | None = None,
        datadir: str | Path | None = None,
        passthrough: str | Path | None = None,
    ) -> "Job":
        """Make a job folder of latents that another program made; there is no decoder then.

        `latents` is cryoDRGN's z.pkl, .npy, text, or a .star or .cs file with the `columns`;
        `rows` is the index (.pkl, .npy) of the particles that they belong to, where these are not
        all. See `jobs.importing`. UserError says what does not fit; nothing is written then.
        """
        inputs = creation.inputs_of(particles, passthrough, datadir, consensus, mask)
        given = Path(latents).expanduser().absolute()
        source = Source(given, tuple(columns), creation.absolute(rows))
        return cls(folder, import_latents(Path(folder).absolute(), inputs, source))

    # -- training ---------------------------------------------------------------------------------

    def train(
        self, device: str = "auto", epochs: int | None = None, resume: bool = False
    ) -> Iterator[Event]:
        """Train in this process and yield the events, the last of which is `finished` or `failed`.

        Ctrl-C stops after the current step; a second one interrupts at once.
        """
        refuse_without_decoder(self.method_class, "be trained")
        return run_training(self.folder, device=device, epochs=epochs, resume=resume)

    def launch(self, device: str = "auto", epochs: int | None = None, resume: bool = False) -> int:
        """Train in a process of its own that outlives this one; returns its number."""
        refuse_without_decoder(self.method_class, "be trained")
        return launch_training(self.folder, device=device, epochs=epochs, resume=resume)

    # -- results ----------------------------------------------------------------------------------

    def encode(
        self, rows: ArrayLike, half: int | None = None, epoch: int | str | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Latent mean and standard deviation, each (b, d), of particles of the job by row.

        By the model of `half`; the other half's particles, which it never saw, are embedded.
        """
        method = self.method(epoch)
        chosen = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        return encode_rows(method, self.particles, self.split, chosen, half_of(method, half))

    def embed(
        self,
        particles: "ParticleSet",
        half: int | None = None,
        epoch: int | str | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Latent mean and standard deviation, each (n, d), of particles of another file.

        They must have poses in the frame of the consensus map. `progress` receives how many are
        done.
        """
        method = self.method(epoch)
        return embed_particles(method, particles, half_of(method, half), progress=progress)

    def particle_pictures(
        self, rows: ArrayLike, options: "PictureOptions | None" = None
    ) -> "Pictures":
        """Images of particles next to the projections of their states, on one grey scale, with how
        well they agree; see docs/exploring.md. UserError names a stack that cannot be read."""
        from napari_conformix.jobs.pictures import pictures_of

        return pictures_of(self, rows, options)

    # -- deformations -----------------------------------------------------------------------------

    def deformation(self, row: int, at: int = 1) -> "Deformation":
        """From the consensus to what a particle shows, at the consensus positions of half `at`."""
        return deformations_of(self).of_particle(row, at)

    def deformation_between(self, row_a: int, row_b: int, at: int = 1) -> "Deformation":
        """From particle `row_a` to particle `row_b`.

        If no half has the latents of both, each is decoded by its own half's model and taken
        relative to that half's mean field.
        """
        return deformations_of(self).between(row_a, row_b, at)

    def deformation_between_states(
        self, first: ArrayLike, first_half: int, last: ArrayLike, last_half: int
    ) -> "Deformation":
        """From one point (d,) of a latent space to another; if they are of different halves, each
        relative to its half's mean field."""
        return deformations_of(self).between_states(first, first_half, last, last_half)

    def deformation_of(self, latent: ArrayLike, half: int, at: int | None = None) -> "Deformation":
        """From the consensus to a point (d,) of the latent space of `half`."""
        return deformations_of(self).of_latent(latent, half, at)

    def deformation_along(self, latents: ArrayLike, half: int) -> "Deformation":
        """What happens along a path (n, d) of one half: from its start to the point of it that
        is deformed most against the start."""
        return deformations_of(self).along(latents, half)

    def write_deformation(
        self,
        deformation: "Deformation",
        path: str | Path,
        *,
        count: int | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write arrows for ChimeraX (.bild) that lie on the job's maps, or a table (.csv); `count`
        thins them to well-spread positions."""
        return deformations_of(self).write(deformation, Path(path), count, overwrite)

    def motion_table(
        self,
        progress: Callable[[float], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> "MotionTable | None":
        """Amount, place, direction and error of every particle's motion, for the newest latents.

        Kept in analysis/motion.npz; recomputed when the latents are newer. `progress` receives
        the share done, 0 to 1; None is returned when `stop` said so.
        """
        return deformations_of(self).motion_table(progress, stop)

    def verdict(
        self,
        progress: Callable[[float], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> "Verdict | Heterogeneity | None":
        """Whether there is motion beyond its error, from the held-out particles and both halves;
        for methods without displacements, whether there is heterogeneity beyond noise.

        Either has `found`, `sentence`, `advice` and `warnings`. `progress` receives the share done,
        0 to 1; None is returned when `stop` said so.
        """
        return checks.verdict(self, progress, stop)

    def invariance(self) -> "Invariance":
        """What viewing direction, shift, defocus and the like explain of the newest latents."""
        return checks.invariance(self)

    def domains(self, bodies: int, half: int = 1, seed: int = 0) -> "Domains":
        """Group the pieces of a half's model into bodies that move rigidly (see
        `analysis.domains`), from particles of that half, compared with the other half's model."""
        return domains_of(self, bodies, half, seed)

    def write_body_masks(
        self, domains: "Domains", folder: str | Path, *, overwrite: bool = False
    ) -> list[Path]:
        """A soft mask (MRC) for each body and the table for RELION's multi-body refinement, whose
        path comes last. UserError when files are there already."""
        return write_body_masks(self, domains, folder, overwrite=overwrite)

    # -- clusters ---------------------------------------------------------------------------------

    def cluster(
        self,
        k: int,
        how: "How" = "kmeans",
        name: str | None = None,
        labels: "str | Path | ArrayLike | None" = None,
        progress: Callable[[float], None] | None = None,
        stop: Callable[[], bool] | None = None,
        **more: Any,
    ) -> "ClusterSet | None":
        """Group the particles by their latents and decode a map for each group.

        `labels` are known ones to compare with: a column of the particle file, a .npy or text
        file, or an array (N,). Kept in clusters/NAME, by default kmeans6 and the like; `more` are
        the other fields of `jobs.clusters.Request`. `progress` receives the share done; None when
        `stop` said so.
        """
        request = ClusterRequest(k, how, name, labels, **more)
        return make_clusters(self, request, progress, stop)

    def launch_clustering(
        self,
        k: int,
        how: "How" = "kmeans",
        name: str | None = None,
        labels: str | Path | None = None,
        **more: Any,
    ) -> "ClusteringHandle":
        """As :meth:`cluster`, in a process of its own that ends with this one."""
        return start_clustering(self, ClusterRequest(k, how, name, labels, **more))

    def suggest_clusters(
        self,
        most: int = 10,
        progress: Callable[[float], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> "Suggestion | None":
        """How many Gaussians describe the particles best (BIC by their number)."""
        return suggest_clusters(self, most, progress=progress, stop=stop)

    def cluster_sets(self) -> list[str]:
        """Names of the sets of clusters, the oldest first."""
        return sets_of(self.folder)

    def cluster_set(self, name: str) -> "ClusterSet":
        """A set of clusters; UserError names those that there are."""
        return ClusterSet(self, name)

    def delete_cluster_set(self, name: str) -> None:
        """Remove a set and its maps; selections and reconstructions made of it stay."""
        delete_clusters(self, name)

    def reconstruct_clusters(
        self,
        name: str,
        indices: Sequence[int] | None = None,
        *,
        overwrite: bool = False,
        stop: Callable[[], bool] = lambda: False,
        **settings: Any,
    ) -> "Iterator[tuple[int, Event]]":
        """Half maps and FSC of the clusters' own particles (all by default, else those numbered
        from 0), one after the other; yields (cluster, event). What came of it is in
        `cluster_set(name).results()`. Called again, it goes on with what is left."""
        clusters = self.cluster_set(name)
        return reconstruct_clusters(clusters, indices, overwrite=overwrite, stop=stop, **settings)

    def domain_motion(
        self,
        set_name: str,
        mask: str | Path,
        fixed: str | Path | None = None,
        maps: "Literal['decoded', 'reconstructed']" = "decoded",
        *,
        reference: int | None = None,
        progress: Callable[[float], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> "DomainMotion | None":
        """Turn and shift of a masked domain of the consensus in every cluster's map, with errors,
        relative to the mask of a `fixed` part if one is given; see `jobs.domain_motion.measure`."""
        return measure_domain_motion(
            self, set_name, mask, fixed, maps, reference=reference, progress=progress, stop=stop
        )

    # -- UMAPs ------------------------------------------------------------------------------------

    def umap(
        self,
        of: str | None = None,
        progress: Callable[[str, float | None], None] | None = None,
        stop: Callable[[], bool] | None = None,
        **parameters: Any,
    ) -> "KeptUmap | None":
        """Lay the particles out by UMAP, of 'motion', 'half1', 'half2' or 'latents'; kept in the
        job folder. `parameters` are fields of `analysis.UmapParameters`; see `jobs.umaps.make`."""
        return umaps.make(
            self, umaps.parameters_of(self.latents(), of, **parameters), progress, stop
        )

    def umaps(self) -> "list[KeptUmap]":
        """The UMAPs that are kept, by name."""
        return umaps.umaps_of(self)

    def delete_umap(self, name: str) -> None:
        """Take a UMAP out of the job folder."""
        umaps.delete(self, name)

    # -- paths and the landscape ------------------------------------------------------------------

    def paths(self) -> list[str]:
        """Names of the saved paths, sorted."""
        return paths.paths_of(self.folder)

    def path(self, name: str) -> "LatentPath":
        """A saved path through latent space; UserError names those that there are."""
        return paths.load(self, name)

    def save_path(self, name: str, path: "LatentPath", *, overwrite: bool = False) -> Path:
        """Write paths/NAME.json and NAME.npz; returns the former. Without `overwrite` UserError
        when there is a path of that name."""
        return paths.save(self, name, path, overwrite=overwrite)

    def delete_path(self, name: str) -> None:
        """Remove a saved path; UserError when there is none of that name."""
        paths.delete(self, name)

    def make_path(
        self, how: Mapping[str, Any], *, half: int | None = None, epoch: int | None = None
    ) -> "LatentPath":
        """A path of the kind that `how` says, such as {'kind': 'component', 'component': 1} or
        the `how` of another path; see `jobs.paths.make`. It is not saved."""
        return paths.make(self, how, half=half, epoch=epoch)

    def landscape(
        self,
        key: str | None = None,
        axes: "Sequence[int | str]" = (0, 1),
        *,
        epoch: int | None = None,
        **settings: Any,
    ) -> "Landscape":
        """How densely particles lie in two axes (from 0) of a view, as energy in kT; see
        `jobs.landscape.make`."""
        from napari_conformix.jobs import landscape  # it draws, and loads what that needs

        return landscape.make(self, key, axes, epoch=epoch, **settings)

    # -- next to another job -----------------------------------------------------------------------

    def compare(
        self,
        other: "Job",
        clusters: int = 6,
        progress: Callable[[float], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> "comparison.Comparison | None":
        """How far this and another job of the same particles, such as one of another method, place
        them alike; `.matching` says which row is which, `.lines()` everything in words.

        Stored clusters are compared, and `clusters` by k-means of a job that has none. None when
        `stop` said so. UserError when no particle is in both.
        """
        return comparison.compare_jobs(self, other, clusters, progress, stop)

    # -- selections -------------------------------------------------------------------------------

    def selections(self) -> list[str]:
        """Names of the saved selections, sorted."""
        return selections_of(self)

    def selection(self, name: str) -> "Selection":
        """A saved selection; UserError names those that there are."""
        return load_selection(self, name)

    def save_selection(self, selection: "Selection", *, overwrite: bool = True) -> Path:
        """Write NAME.npy and NAME.json; returns the latter. Without `overwrite` UserError when
        there is a selection of that name."""
        return save_selection(self, selection, overwrite=overwrite)

    def delete_selection(self, name: str) -> None:
        """Remove a saved selection; UserError when there is none of that name."""
        delete_selection(self, name)

    def export(
        self, selection: "Selection | str", path: str | Path, *, overwrite: bool = False
    ) -> Path:
        """Write a selection (or the saved one of that name) in a format of
        `export.formats.PARTICLE_FILES`: .star, .cs, .npy or .pkl and the like.

        Every column, the optics table and the order of rows stay as they were; half sets that the
        program made are recorded as rlnRandomSubset. Raises UserError as `export_subset`.
        """
        return export_selection(self, selection, path, overwrite=overwrite)

    def replay(
        self,
        selection: "Selection",
        source: "Job | None" = None,
        *,
        name: str | None = None,
        aligned: bool = True,
    ) -> "Replayed":
        """The particles that the steps of a selection of another job mean here; not saved yet.

        Where both jobs share particles, views are laid over those of `source`, and how many
        particles are selected again is reported (see `jobs.replaying`).
        """
        return replay_selection(self, selection, source, name=name, aligned=aligned)

    def train_on(
        self,
        selection: "Selection | str",
        folder: str | Path,
        *,
        settings: "Mapping[str, Any] | None" = None,
    ) -> "Job":
        """Make a job of a selection's particles, with method, settings and maps of this one."""
        return train_on(self, selection, folder, settings=settings)

    def reconstruct(
        self,
        selection: "Selection | str | None" = None,
        folder: str | Path | None = None,
        *,
        deformed: bool = False,
        overwrite: bool = False,
        progress: Callable[[int], None] | None = None,
        stop: Callable[[], bool] | None = None,
        **settings: Any,
    ) -> "HalfMaps | None":
        """Half maps and FSC of a selection (None: all particles) by back-projection.

        `deformed` follows every particle's displacement field (of its own half's model) back to
        the consensus; the plain maps of the same particles are then in `plain` of the result.
        Written to `folder`, by default reconstruction/NAME in the job, as a run that
        :meth:`reconstructions` lists; `settings` are those of `ReconstructionSettings`.
        `progress` receives the number of particles done; None is returned when `stop` said so.
        UserError when that fails, or when the folder holds one already and not `overwrite`.
        """
        run = self._new_reconstruction(selection, folder, deformed, overwrite, settings)
        return to_the_end(run, progress, stop)

    def launch_reconstruction(
        self,
        selection: "Selection | str | None" = None,
        folder: str | Path | None = None,
        *,
        deformed: bool = True,
        overwrite: bool = False,
        **settings: Any,
    ) -> "ReconstructionRun":
        """As :meth:`reconstruct`, in a process of its own that outlives this one."""
        run = self._new_reconstruction(selection, folder, deformed, overwrite, settings)
        run.launch()
        return run

    def reconstructions(self) -> "list[ReconstructionRun]":
        """Those in the job's folder, the oldest first."""
        return runs_of(self.folder)

    def _new_reconstruction(
        self,
        selection: "Selection | str | None",
        folder: str | Path | None,
        deformed: bool,
        overwrite: bool,
        settings: dict[str, Any],
    ) -> "ReconstructionRun":
        chosen = self.selection(selection) if isinstance(selection, str) else selection
        return ReconstructionRun.create(
            self, chosen, folder, deformed=deformed, overwrite=overwrite, settings=settings
        )
