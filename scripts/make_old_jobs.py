"""Make small, complete job folders with the version that is installed: tests/data/old_jobs/.

    python scripts/make_old_jobs.py tests/data/old_jobs/NAME.tar.xz

A job folder once made opens in every later version; tests/jobs/folder/test_old_jobs.py opens all
archives of that folder, goes on with their training, and reads everything in them. Add another
archive, named after the version, and keep the ones that are there,

* for every release, and
* before a change of what any file of a job folder holds (a new format version in
  `runs/formats.py`), made with the program from before that change.

It uses nothing but the command line, so that it can be run by the Python of any version: one that
lacks an option prints so and is left without what that option makes.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

#: stands for the folder that the archive is unpacked to, in files that name others by their path
ROOT = "@ROOT@"
PARTICLES, BOX = 60, 16
#: files that nothing reads again, or that are made again when they are wanted
_LEFT_OUT = ("truth/*", "truth.npz", "volumes/*", "cache/*", "*.guard", "README*", "map_*.mrc")
_TEXT = (".toml", ".json", ".jsonl", ".html", ".csv", ".cxc", ".out", ".err")

TRAINED = {
    "dynamight": [
        "gaussians=48", "latent_dim=2", "modes=4", "decoder_width=16", "decoder_layers=3",
        "encoding_frequencies=2", "epochs=3", "warmup_epochs=1",
    ],
    "opusdsd": ["width=0.002", "latent_dim=2", "epochs=2", "furthest=8", "neighbours_across=8"],
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archive", type=Path, help="The .tar.xz to write.")
    archive = parser.parse_args().archive.absolute()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "old"
        root.mkdir()
        make_all(root)
        pack(root, archive)
    print(f"{archive}: {archive.stat().st_size:,} bytes")


def make_all(root: Path) -> None:
    """Particles, a job of each method, one of a selection's particles, one of imported latents."""
    size = ("--particles", PARTICLES, "--box", BOX, "--snr", 0.5, "--half-precision")
    run("simulate", "adk-states", root / "data", *size)
    for method, settings in TRAINED.items():
        make_trained(root, root / method, method, settings)
    make_imported(root, root / "imported")
    chosen = ("--from", root / "dynamight", "--selection", "most")
    run("new", root / "subset", *chosen, "--set", "epochs=1")
    # maps of a path belong to no job, but their description is read by people and programs
    run("movie", root / "dynamight", "--path", "first", "--maps", root / "maps")


def make_trained(root: Path, job: Path, method: str, settings: list[str]) -> None:
    """A job with everything that can be made of it."""
    data = root / "data"
    sets = [word for setting in [*settings, "batch_size=16"] for word in ("--set", setting)]
    inputs = ("--particles", data / "particles.star", "--consensus", data / "consensus.mrc")
    run("new", job, "--method", method, *inputs, "--mask", data / "mask.mrc", *sets)
    run("train", job, "--device", "cpu")
    motions = method == "dynamight"
    space = "motion" if motions else "pca0"
    run("clusters", job, "-k", 2, "--truth", data / "labels.npy")
    rows = data / "rows.txt"
    rows.write_text(" ".join(str(row) for row in range(0, PARTICLES, 2)))
    run("select", job, "--indices", rows, "--name", "even")
    run("select", job, "--column", "rlnDefocusU", "--min", 0, "--name", "all")
    run("select", job, "--cluster", 1, "--name", "cluster one")
    run("select", job, "--nearest", 20, "--at", "0,0", "--map", space, "--name", "near")
    corners = "-1000,-1000 1000,-1000 1000,1000 -1000,1000"
    run("select", job, "--polygon", corners, "--map", space, "--name", "lasso")
    run("select", job, "--saved", "near", "--add-to", "even", "--name", "most")
    if motions:
        run("select", job, "--motion-above", 0, "--name", "moved")
        run("reconstruct", job, "--plain", "--selection", "even")
    else:
        run("path", job, "--clusters", "kmeans2", "--count", 5, "--name", "between")
        run("clusters", job, "--of", "kmeans2", "--reconstruct")
    run("path", job, "--pc", 1, "--count", 5, "--name", "first")
    run("path", job, "--from-row", 0, "--to-row", 1, "--count", 5, "--name", "data")
    run("umap", job, "--neighbours", 5)
    run("analyze", job)
    run("domain-motion", job, "--clusters", "kmeans2", "--mask", data / "mask.mrc")


def make_imported(root: Path, job: Path) -> None:
    """A job of latents of another program."""
    latents = root / "data" / "latents.txt"
    latents.write_text("".join(f"{row % 7} {row % 5}\n" for row in range(PARTICLES)))
    run("import", job, "--particles", root / "data" / "particles.star", "--latents", latents)
    run("clusters", job, "-k", 2)
    run("select", job, "--column", "latent 1", "--max", 3, "--name", "low")


def run(*arguments: object) -> None:
    """A command of the program; what it cannot do is said, and the rest goes on."""
    words = [str(argument) for argument in arguments]
    print("conformix", *words, flush=True)
    done = subprocess.run([sys.executable, "-m", "napari_conformix", *words], check=False,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        print(f"  LEFT OUT ({done.returncode}): {done.stdout}{done.stderr}", flush=True)


def pack(root: Path, archive: Path) -> None:
    """Write the folder as .tar.xz, with `ROOT` for its own path. Of what a run can go on from only
    the newest is kept."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in root.rglob("*") if path.is_file() or not any(path.iterdir()))
    reserves = {p for job in root.iterdir() for p in sorted(job.rglob("*.resume.pt"))[:-1]}
    with tarfile.open(archive, "w:xz", preset=9, format=tarfile.PAX_FORMAT) as tar:
        for path in files:
            name = path.relative_to(root)
            if any(name.match(pattern) for pattern in _LEFT_OUT) or path in reserves:
                continue
            if path.suffix in _TEXT:
                kept = path.stat()
                path.write_text(path.read_text().replace(str(root), ROOT))
                # what is older than the latents counts as made of earlier ones
                os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
            tar.add(path, str(name), filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose the files were is nobody's business."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
