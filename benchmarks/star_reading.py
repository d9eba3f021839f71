"""How long a STAR file takes to open, and how much memory.

    python benchmarks/star_reading.py [--rows 1000000] [--stacks 5000] [--starfile]

Writes a RELION 3.1 file of that many particles (26 columns, names as RELION makes them) to a
temporary folder, opens it in a process of its own, and prints seconds and that process's peak
memory. `--starfile` times the starfile package on the same file, for comparison.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_LABELS = """CoordinateX CoordinateY ImageName MicrographName CtfMaxResolution CtfFigureOfMerit
DefocusU DefocusV DefocusAngle CtfBfactor CtfScalefactor PhaseShift AngleRot AngleTilt AnglePsi
ClassNumber NormCorrection RandomSubset LogLikeliContribution MaxValueProbDistribution
NrOfSignificantSamples OpticsGroup OriginXAngst OriginYAngst GroupNumber ImageOriginalName"""
_OPTICS = """# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnAmplitudeContrast #3
_rlnSphericalAberration #4
_rlnVoltage #5
_rlnImagePixelSize #6
_rlnImageSize #7
           1 opticsGroup1     0.100000     2.700000   300.000000     1.060000          256

"""


def write_star(path: Path, rows: int, stacks: int) -> None:
    """Write a file of `rows` particles spread over `stacks` stacks, which are not made."""
    random = np.random.default_rng(0)
    with open(path, "w") as file:
        file.write(_OPTICS + "\n# version 30001\n\ndata_particles\n\nloop_\n")
        file.writelines(f"_rln{name} #{k}\n" for k, name in enumerate(_LABELS.split(), 1))
        for i in range(rows):
            v = random.random(6)
            stem = f"Micrographs/FoilHole_{10984848 + i % stacks}_Data_10985376_20180810"
            image = f"{i // stacks + 1:06d}@Extract/job133/{stem}.mrcs"
            file.write(
                f" {3840 * v[0]:11.6f} {3840 * v[1]:11.6f} {image} {stem}.mrc     4.545000     "
                f"0.089249 {12000 + 9000 * v[2]:12.6f} {11800 + 9000 * v[2]:12.6f}   "
                f"{180 * v[3]:10.5f}     0.000000     1.000000     0.000000   "
                f"{360 * v[4] - 180:10.5f} {180 * v[5]:10.5f} {360 * v[3] - 180:10.5f} "
                f"           1     0.812345            {1 + i % 2} 3.763459e+05     0.048127 "
                f"          17            1 {4 * v[0] - 2:12.6f} {4 * v[1] - 2:12.6f} "
                f"          {1 + i % stacks} {image}\n"
            )


def measure(path: Path, with_starfile: bool) -> None:
    """Open the file and print what it took; runs in a process of its own."""
    baseline = _peak_megabytes()
    start, start_cpu = time.perf_counter(), time.process_time()
    if with_starfile:
        import starfile

        count = len(starfile.read(path)["particles"])
    else:
        from napari_conformix.particles import read_particles

        particles = read_particles(path)
        count = len(particles)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(
        f"{count} rows, {path.stat().st_size / 1e6:.0f} MB: opened in {seconds:.1f} s "
        f"({cpu:.1f} CPU-s), peak memory {_peak_megabytes():.0f} MB ({baseline:.0f} MB before)"
    )
    if not with_starfile:
        start = time.perf_counter()
        particles.column("rlnMaxValueProbDistribution")
        print(f"one more column, for colouring: {time.perf_counter() - start:.1f} s")


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--stacks", type=int, default=5_000)
    parser.add_argument("--starfile", action="store_true")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.starfile)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "particles.star")
        write_star(path, options.rows, options.stacks)
        command = [sys.executable, __file__, "--measure", str(path)]
        subprocess.run([*command, "--starfile"] if options.starfile else command, check=True)


if __name__ == "__main__":
    main()
