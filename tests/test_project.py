"""The project's own files agree with each other."""

import re
import subprocess
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import npe2
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import napari_conformix

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MANIFEST = ROOT / "src" / "napari_conformix" / "napari.yaml"
#: folders of one person's machine
PRIVATE = re.compile(r"(?<![\w.:/])/(?:home|root|work|Users|mnt|scratch)/[\w.]")


def tracked() -> list[Path]:
    """The files under version control; the test is left out in an unpacked archive."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_one_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == napari_conformix.__version__ == citation["version"]
    assert version("napari-conformix") == napari_conformix.__version__


def test_citation_names_both_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    dois = {reference["doi"] for reference in citation["references"]}
    assert dois == {"10.1038/s41592-024-02377-5", "10.1038/s41592-023-02031-6"}


def test_entry_points_load() -> None:
    (manifest,) = [e for e in entry_points(group="napari.manifest") if e.name == PROJECT["name"]]
    assert manifest.value == "napari_conformix:napari.yaml"
    for name in PROJECT["entry-points"]["napari_conformix.methods"]:
        (method,) = entry_points(group="napari_conformix.methods", name=name)
        assert method.load().name == name


def test_the_manifest_is_valid_and_all_it_names_exists() -> None:
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    assert manifest.name == PROJECT["name"]
    manifest.validate_imports()
    commands = {command.id for command in manifest.contributions.commands or []}
    contributions = manifest.contributions
    used = [*(contributions.widgets or []), *(contributions.readers or [])]
    used += [s for s in contributions.sample_data or [] if hasattr(s, "command")]
    assert used
    assert {contribution.command for contribution in used} <= commands


def test_the_top_level_links_to_the_manifest() -> None:
    assert (ROOT / "napari.yaml").is_symlink()
    assert (ROOT / "napari.yaml").resolve() == MANIFEST


def test_links_between_documents_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
    for document in [path for path in tracked() if path.suffix == ".md"]:
        for target in link.findall(document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_no_path_of_one_machine() -> None:
    for path in tracked():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            assert not PRIVATE.search(line), f"{path.relative_to(ROOT)}:{number}: {line}"


def test_every_dependency_is_pinned_within_its_range() -> None:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            assert requirement.marker is None
            pins[canonicalize_name(requirement.name)] = str(requirement.specifier).lstrip("=")
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["pyqt6"], *extras["test"]]
    for requirement in map(Requirement, wanted):
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), f"{requirement} is pinned to {pin}"


def test_extras_choose_qt_and_dependencies_do_not() -> None:
    names = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert not names & {"pyqt5", "pyqt6", "pyside2", "pyside6"}
    assert not any("napari[" in line for line in PROJECT["dependencies"])


def test_nothing_outside_of_the_methods_names_one() -> None:
    """Names and terms of a method come from its class. No file is exempt: who cites a method's
    paper names its authors."""
    names = re.compile(r"dynamight|opus", re.IGNORECASE)
    package = ROOT / "src/napari_conformix"
    for path in sorted(package.rglob("*.py")):
        if package / "methods" in path.parents:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not names.search(line), f"{path.relative_to(ROOT)}:{number}: {line}"
