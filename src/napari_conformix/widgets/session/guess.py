"""What is proposed for files that the user has not named: map and mask next to a particle file, and
a folder that is not there yet."""

import re
from pathlib import Path

#: names of a consensus map, the likeliest first; {stem} is the particle file's name
_CONSENSUS = (
    r"consensus\.mrc",
    r"{stem}_class001\.mrc",
    r"run_class001\.mrc",
    r"run_it\d+_class001\.mrc",
    r".*_volume_map\.mrc",
    r".*_class001\.mrc",
    r"map\.mrc",
)
_MASK = (r"mask\.mrc", r".*_mask_refine\.mrc", r".*mask.*\.mrc")


def guess_maps(particles: Path) -> tuple[Path | None, Path | None]:
    """Consensus map and mask in the folder of a particle file; None where nothing fits.

    Of several files that fit equally well the last by name is taken (the last iteration).
    """
    stem = re.escape(re.sub(r"_(data|particles)$", "", particles.stem))
    try:
        names = sorted(path.name for path in particles.parent.glob("*.mrc"))
    except OSError:
        return None, None
    consensus = _first_match(names, [pattern.replace("{stem}", stem) for pattern in _CONSENSUS])
    mask = _first_match(names, list(_MASK))
    return tuple(particles.parent / name if name else None for name in (consensus, mask))


def _first_match(names: list[str], patterns: list[str]) -> str | None:
    for pattern in patterns:
        found = [name for name in names if re.fullmatch(pattern, name, re.IGNORECASE)]
        if found:
            return found[-1]
    return None


def free_name(place: Path, stem: str) -> Path:
    """`place/stem_001` or the first number after it that does not exist."""
    number = 1
    while (path := place / f"{stem}_{number:03d}").exists():
        number += 1
    return path
