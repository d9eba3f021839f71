import json

import pytest
import safetensors.torch
import torch
from conformix_fake import Linear, LinearSettings

from napari_conformix.errors import UserError
from napari_conformix.training.checkpoints import CheckpointFolder, frame_of, load_weights
from napari_conformix.training.contract import Frame

FRAME = Frame(8, 2.0, 4, 4.0)


@pytest.fixture
def method():
    return Linear(LinearSettings(latent_dim=3), FRAME)


def save(folder, method, epoch, best=False):
    return folder.save(method, epoch, {"method": method.resume_state(), "epoch": epoch}, best=best)


def names(folder):
    return sorted(path.name for path in folder.folder.iterdir())


def test_weights_come_back_with_their_description(tmp_path, method):
    path = save(CheckpointFolder(tmp_path), method, 7)
    tensors, described = load_weights(path)
    assert path.name == "epoch_0007.safetensors"
    assert all(torch.equal(tensors[n], v) for n, v in method.state().items())
    assert (described.method, described.epoch, frame_of(described)) == ("linear", 7, FRAME)
    assert described.settings["latent_dim"] == 3


def test_the_newest_and_the_best_are_kept(tmp_path, method):
    folder = CheckpointFolder(tmp_path)
    for epoch in range(1, 8):
        save(folder, method, epoch, best=epoch == 2)
        folder.prune(2)
    assert folder.epochs() == [2, 6, 7]
    assert (folder.last(), folder.best()) == (7, 2)
    assert names(folder) == sorted(
        ["best.json", "last.json"]
        + [f"epoch_000{e}.safetensors" for e in (2, 6, 7)]
        + [f"epoch_000{e}.resume.pt" for e in (6, 7)]  # an older one only decodes
    )
    assert folder.find("best") == folder.weights_path(2)
    assert folder.find() == folder.find("last") == folder.find(7) == folder.weights_path(7)


def test_the_model_of_the_latents_is_kept(tmp_path, method):
    folder = CheckpointFolder(tmp_path)
    for epoch in range(1, 6):
        save(folder, method, epoch)
        folder.prune(1, also=2 if epoch >= 2 else None)
    assert folder.epochs() == [2, 5]


def test_what_the_pointer_does_not_name_yet_is_not_used(tmp_path, method):
    folder = CheckpointFolder(tmp_path)
    save(folder, method, 1)
    folder.weights_path(2).write_bytes(folder.weights_path(1).read_bytes())  # killed right here
    assert folder.find() == folder.weights_path(1)
    folder.prune(3)
    assert folder.epochs() == [1]


def test_missing_checkpoints_are_named(tmp_path, method):
    folder = CheckpointFolder(tmp_path)
    with pytest.raises(UserError, match=r"no checkpoint in .* yet"):
        folder.find()
    save(folder, method, 4)
    with pytest.raises(UserError, match="no checkpoint of epoch 9; there are: 4"):
        folder.find(9)


def test_resume_state_is_plain(tmp_path, method):
    folder = CheckpointFolder(tmp_path)
    save(folder, method, 1)
    assert folder.load_resume(1)["method"]["weight"] == 0.0
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        folder.save(method, 2, {"method": object()}, best=False)
    assert folder.last() == 1


def test_files_of_others_are_refused(tmp_path):
    stranger = tmp_path / "a.safetensors"
    safetensors.torch.save_file({"x": torch.zeros(2)}, stranger)
    with pytest.raises(UserError, match="not written by this program"):
        load_weights(stranger)
    (tmp_path / "b.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_weights(tmp_path / "b.safetensors")
    later = json.dumps({"format_version": 2, "program_version": "9.9"})
    safetensors.torch.save_file({"x": torch.zeros(2)}, stranger, {"conformix": later})
    with pytest.raises(UserError, match=r"later version \(9\.9\)"):
        load_weights(stranger)
