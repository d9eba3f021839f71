"""`conformix doctor`: what works on this machine, and what to install for what does not."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from napari_conformix.cli.display import QT_BINDINGS, has_display, with_display
from napari_conformix.cli.runs.curves import memory

#: a driver may hang as well as crash
PROBE_SECONDS = 60
OPENGL_PROBE = "from napari_conformix.widgets.session.gl import renderer; print(renderer())"
TORCH_PROBE = """
import torch
print(torch.__version__)
for i in range(torch.cuda.device_count()):
    free, total = torch.cuda.mem_get_info(i)
    name = torch.cuda.get_device_name(i)
    print(f"cuda:{i} {name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free")
"""
RELION_PROGRAMS = ("relion_reconstruct", "relion_postprocess", "relion_star_handler")
#: below these a run of ordinary size is likely to stop
LEAST_MEMORY_BYTES = 4e9
LEAST_DISK_BYTES = 5e9


@dataclass(frozen=True)
class Finding:
    """One line: a thing, whether it works, what was found, and what to do if it does not."""

    name: str
    works: bool
    found: str
    advice: str = ""
    #: without it the program does not do its work
    required: bool = True

    @property
    def verdict(self) -> str:
        """In a word."""
        return "works" if self.works else "missing" if self.required else "not here"


def doctor() -> int:
    """Say what works on this machine, and what to install.

    Needs no display itself. The status is 1 if something is missing without which the program does
    not do its work.
    """
    width = max(len(check.__name__) for check in CHECKS)
    broken = 0
    for finding in findings():
        broken += finding.required and not finding.works
        print(f"{finding.name:<{width}}  {finding.verdict:<8}  {finding.found}", flush=True)
        if finding.advice and not finding.works:
            print(f"{'':<{width}}  {'':<8}  {finding.advice}", flush=True)
    return 1 if broken else 0


def findings() -> Iterator[Finding]:
    """Every check, as it is done."""
    for check in CHECKS:
        yield check()


def python() -> Finding:
    works = (3, 11) <= sys.version_info < (3, 14)
    found = f"{platform.python_version()} ({sys.executable})"
    return Finding("Python", works, found, "Use Python 3.11, 3.12 or 3.13.")


def torch() -> Finding:
    status, lines = torch_probe()
    if status != 0:
        found = f"cannot be imported: {lines[-1] if lines else 'it crashed'}"
        return Finding("PyTorch", False, found, "pip install torch (pytorch.org has the choices)")
    return Finding("PyTorch", True, f"{lines[0]}, {os.cpu_count()} CPU cores")


def gpu() -> Finding:
    status, lines = torch_probe()
    devices = lines[1:] if status == 0 else []
    advice = "Training runs on the CPU; with an NVIDIA GPU, install its driver and a CUDA PyTorch."
    found = "; ".join(devices) or "torch sees no CUDA device"
    return Finding("GPU", bool(devices), found, advice, required=False)


def qt() -> Finding:
    present = [f"{name} {found}" for name in QT_BINDINGS if (found := _version(name))]
    found = ", ".join(present) or "no Qt binding"
    return Finding("Qt", bool(present), found, "For the window: pip install PyQt6")


def napari() -> Finding:
    found = _version("napari")
    return Finding("napari", found is not None, found or "not installed", "pip install napari")


def display() -> Finding:
    if has_display():
        shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or platform.system()
        return Finding("Display", True, shown)
    advice = "The window needs a desktop or ssh -X; all else works without."
    return Finding("Display", False, "DISPLAY is not set", advice, required=False)


def opengl() -> Finding:
    """The renderer, asked in a process of its own since a broken driver ends the process."""
    wrapper = with_display()
    advice = "apt-get install libgl1 libegl1 libgl1-mesa-dri libxcb-cursor0, or a GPU driver"
    if wrapper is None:
        advice = "To try it without a display: apt-get install xvfb xauth"
        return Finding("OpenGL", False, "not tried, no display", advice, required=False)
    status, lines = probe(OPENGL_PROBE, wrapper)
    if status != 0:
        reason = lines[-1] if lines else f"the probe ended with status {status}"
        return Finding("OpenGL", False, reason, advice)
    note = " (under Xvfb)" if wrapper else ""
    return Finding("OpenGL", True, lines[-1] + note)


def ram() -> Finding:
    import psutil

    system = psutil.virtual_memory()
    found = f"{memory(system.available)} of {memory(system.total)} free"
    advice = "Close other programs, or choose a smaller batch and working box."
    return Finding("Memory", system.available > LEAST_MEMORY_BYTES, found, advice, required=False)


def disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    advice = "Make room, or put the job folder on another disk."
    found = f"{memory(free)} free in {Path.cwd()}"
    return Finding("Disk", free > LEAST_DISK_BYTES, found, advice, required=False)


def relion() -> Finding:
    present = [name for name in RELION_PROGRAMS if shutil.which(name)]
    advice = "Only tests and post-processing use RELION's programs; Debian's package is relion."
    found = ", ".join(present) or "its programs are not on the PATH"
    return Finding("RELION", len(present) == len(RELION_PROGRAMS), found, advice, required=False)


def ffmpeg() -> Finding:
    """The program that writes movies: imageio-ffmpeg brings one."""
    import imageio_ffmpeg

    try:
        found = str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        return Finding("ffmpeg", False, str(error), "For movies: apt-get install ffmpeg")
    return Finding("ffmpeg", True, found)


CHECKS: tuple[Callable[[], Finding], ...] = (
    python, torch, gpu, napari, qt, display, opengl, ram, disk, relion, ffmpeg,
)  # fmt: skip


@cache
def torch_probe() -> tuple[int, list[str]]:
    """Version and devices, asked once."""
    return probe(TORCH_PROBE)


def probe(code: str, wrapper: Iterable[str] = ()) -> tuple[int, list[str]]:
    """Run Python code in a process of its own; its status and the lines that it wrote."""
    command = [*wrapper, sys.executable, "-c", code]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=PROBE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 124, [f"no answer within {PROBE_SECONDS} s"]
    return done.returncode, [line for line in done.stdout.splitlines() if line.strip()]


def _version(package: str) -> str | None:
    if importlib.util.find_spec(package) is None:
        return None
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"
