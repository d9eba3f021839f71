"""How the house is built: sizes of rooms, imports between them, and that no file is in a circle.

The layers are in pyproject.toml and held by `lint-imports`; here is what it cannot say.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

PACKAGE = "napari_conformix"
SOURCE = Path(__file__).parents[1] / "src"
MOST_FILES = 15

Import = tuple[Path, int, str, str]


def _module(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_module(path): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}


def _exports(module: str) -> list[str] | None:
    """What `__all__` of a package lists; None for files, and for packages without one."""
    if FILES[module].name != "__init__.py":
        return None
    for node in ast.parse(FILES[module].read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


#: rooms whose names are imported from the room; `jobs` and the package itself export `Job` alone,
#: and are asked for it, while their rooms are imported by name
ROOMS = {
    module: names
    for module in FILES
    if (names := _exports(module)) is not None and module not in (PACKAGE, f"{PACKAGE}.jobs")
}


@cache
def _imports() -> tuple[Import, ...]:
    """Every `from MODULE import NAME` of the package's own modules: file, line, module, name."""
    return tuple(_imports_of_all())


def _imports_of_all() -> Iterator[Import]:
    for path in FILES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
                assert node.level == 0, f"{path}:{node.lineno} imports relatively"
                for alias in node.names:
                    yield path, node.lineno, str(node.module), alias.name


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)


def test_a_room_has_no_more_files_than_one_can_remember() -> None:
    folders = {path.parent for path in FILES.values()}
    sizes = {str(folder.relative_to(SOURCE)): len(list(folder.glob("*.py"))) for folder in folders}
    assert {name: size for name, size in sizes.items() if size > MOST_FILES} == {}


def test_no_file_is_in_a_circle_of_imports(graph: grimp.ImportGraph) -> None:
    modules = sorted(graph.modules)
    place = {module: index for index, module in enumerate(modules)}
    edges = [
        (place[module], place[imported])
        for module in modules
        for imported in graph.find_modules_directly_imported_by(module)
        # asked for by name, when somebody wants `napari_conformix.Job`
        if imported != f"{PACKAGE}.jobs.job" or module != f"{PACKAGE}.jobs"
    ]
    rows, columns = np.array(edges).T
    matrix = coo_matrix((np.ones(len(edges)), (rows, columns)), (len(modules), len(modules)))
    _, label = connected_components(matrix, connection="strong")
    members: dict[int, list[str]] = {}
    for module, number in zip(modules, label.tolist(), strict=True):
        members.setdefault(number, []).append(module)
    assert [circle for circle in members.values() if len(circle) > 1] == []


def test_nothing_in_jobs_reaches_the_facade(graph: grimp.ImportGraph) -> None:
    facade = f"{PACKAGE}.jobs.job"
    graph.remove_import(importer=f"{PACKAGE}.jobs", imported=facade)
    users = graph.find_downstream_modules(facade)
    assert sorted(user for user in users if user.startswith(f"{PACKAGE}.jobs.")) == []


def test_names_are_imported_from_their_room() -> None:
    """From outside, `from ...jobs.clusters import ClusterSet`, never from the file it is in."""
    wrong = []
    for path, line, module, name in _imports():
        room = module if module in ROOMS else module.rpartition(".")[0]
        inside = f"{_module(path)}.".startswith(f"{room}.")
        if room not in ROOMS or inside:
            continue
        if module != room or (name not in ROOMS[room] and f"{room}.{name}" not in ROOMS):
            wrong.append(f"{path.relative_to(SOURCE)}:{line}: from {module} import {name}")
    assert wrong == []


def test_every_room_says_in_sentences_what_it_is() -> None:
    """Two at least: what lives there, and what may be imported from it."""
    for room in ROOMS:
        text = ast.get_docstring(ast.parse(FILES[room].read_text())) or ""
        assert "\n\n" in text, f"{room} says {text!r}"


def test_the_map_of_the_house_names_what_is_there() -> None:
    """Every file, and every name after a colon, that docs/architecture.md gives."""
    text = (SOURCE.parent / "docs" / "architecture.md").read_text()
    named = re.findall(r"`?((?:[a-z_]+/)+[a-z_]+\.py)(?:: ([A-Za-z_., ]+))?", text)
    assert len(named) > 40
    for file, names in named:
        path = SOURCE / PACKAGE / file
        path = path if path.exists() else SOURCE.parent / file
        assert path.exists(), file
        for name in re.findall(r"^[A-Za-z_]+|(?<=, )[A-Za-z_]+", names or ""):
            assert re.search(rf"\b{name}\b", path.read_text()), f"{file} has no {name}"
