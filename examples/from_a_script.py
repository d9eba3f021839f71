"""The main job without a window: train, look at both ends of the main motion, export one end.

    conformix simulate adk adk_data
    python examples/from_a_script.py adk_data adk_job

Your own data: give the STAR file of a consensus refinement and its map instead.
"""

import sys
from pathlib import Path

import numpy as np

from napari_conformix import Job
from napari_conformix.analysis.selections import Selection
from napari_conformix.particles import write_map


def main(data: Path, folder: Path) -> None:
    job = Job.create(
        folder,
        method="dynamight",
        particles=data / "particles.star",
        consensus=data / "consensus.mrc",
        preset="quick",
    )
    for event in job.train():
        if event.kind == "epoch":
            left = np.mean([terms[event.headline] for terms in event.validation.values()])
            print(f"epoch {event.epoch}/{event.epochs}: {left:.5f} of held-out images unexplained")
        elif event.kind == "failed":
            raise SystemExit(event.message)

    latents = job.latents()
    # `motion` means the same in both halves: displacements, in A RMS, of independent models.
    main_motion = latents.motion[:, 0]
    low, high = np.percentile(main_motion, [10, 90])
    print(f"main motion: {high - low:.1f} A RMS between the 10th and 90th percentile")

    for name, rows in {"low": main_motion < low, "high": main_motion > high}.items():
        of_half_1 = rows & (latents.half == 1)
        volume = job.decode(latents.mean[of_half_1].mean(0), half=1)
        path = folder / "volumes" / f"{name}.mrc"
        write_map(path, volume, job.method().frame.pixel_size_angstrom)
        print("wrote", path)
        job.save_selection(Selection(name=name, rows=np.flatnonzero(rows), total=len(rows)))
    print("wrote", job.export(job.selection("high"), folder / "high.star"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
