"""The names of files in a job folder are in one place."""

import ast
from pathlib import Path

import napari_conformix
from napari_conformix.runs import layout

SOURCE = Path(napari_conformix.__file__).parent
NAMES = {getattr(layout, name) for name in layout.__all__ if name != "MARKERS"}
#: a reconstruction keeps the latents that it began with under the same name
ALLOWED = {("jobs/reconstruction/layout.py", "latents.npz")}


def spelled(path: Path) -> set[str]:
    """Names of files and folders of a job that a source file has as literals: those with a suffix
    anywhere, and the words that are joined to a path."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        joined = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        parts = [node.right] if joined else [node]
        for part in parts:
            value = part.value if isinstance(part, ast.Constant) else None
            if value in NAMES and (joined or "." in str(value) or str(value).isupper()):
                found.add(str(value))
    return found


def test_no_other_file_spells_them() -> None:
    files = [
        p for p in SOURCE.rglob("*.py") if p.parent.name != "runs" or p.parent.parent != SOURCE
    ]
    wrong = {(str(p.relative_to(SOURCE)), name) for p in files for name in spelled(p)}
    assert wrong - ALLOWED == set()


def test_it_would_find_one(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('x = folder / "clusters" / name\ny = "job.toml"\n')
    assert spelled(tmp_path / "a.py") == {"clusters", "job.toml"}
