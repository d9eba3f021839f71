"""Reconstructions that train an inverse of the displacement fields first."""

import samples

from napari_conformix.jobs.reconstruction import ReconstructionRun


def test_a_stop_is_heard_while_the_inverse_is_trained(tmp_path):
    job = samples.make_job(tmp_path, epochs=1)
    list(job.train(device="cpu"))
    run = ReconstructionRun.create(
        job, None, tmp_path / "maps", deformed=True, settings={"warp": "inverse"}
    )
    told = []
    for event in run.run():
        if getattr(event, "phase", "") == "inverse":
            told.append(event.done)
            run.stop()
    assert told == [0]
    last = run.events()[-1]
    assert (last.kind, last.reason, last.done) == ("finished", "stopped", 0)
    assert run.state == "stopped"
