"""`conformix domain-motion` against the motions that the clusters' maps were made with."""

import xml.etree.ElementTree as ET

import domain_clusters as truth
import pytest


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    return truth.make_job(tmp_path_factory.mktemp("domain"))


def test_table_words_and_plot(conformix, job, tmp_path) -> None:
    mask, svg = job.folder.parent / "data" / "domain.mrc", tmp_path / "motion.svg"
    done = conformix(
        "domain-motion", job.folder, "--clusters", truth.NAME, "--mask", mask, "--svg", svg
    )
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line[:1] == " " and line.strip()}
    assert float(rows["2"][2]) == pytest.approx(25, abs=0.4)
    assert rows["2"][3] == "+-"
    assert "not found" in " ".join(rows["4"])
    assert "Cluster 4: the domain is missing" in done.out
    assert len({len(line) for line in lines[2:7] if "not" not in line}) == 1  # columns line up
    picture = ET.parse(svg).getroot()
    texts = [element.text for element in picture.iter() if element.tag.endswith("text")]
    assert "rotation (degrees)" in texts
    assert "The domain was not found in: 4" in texts
    discs = [element for element in picture.iter() if element.get("id", "").startswith("place ")]
    assert len(discs) == 3
    again = conformix(
        "domain-motion", job.folder, "--clusters", truth.NAME, "--mask", mask, "--svg", svg
    )
    assert again.status == 1
    assert "motion.svg exists" in again.err


def test_an_unknown_set_and_a_missing_mask_are_sentences(conformix, job, tmp_path) -> None:
    unknown = conformix(
        "domain-motion", job.folder, "--clusters", "gmm9", "--mask", tmp_path / "no.mrc"
    )
    assert unknown.status == 1
    assert "it has: kmeans4" in unknown.err
    missing = conformix(
        "domain-motion", job.folder, "--clusters", truth.NAME, "--mask", tmp_path / "no.mrc"
    )
    assert missing.status == 1
    assert "no.mrc" in missing.err
