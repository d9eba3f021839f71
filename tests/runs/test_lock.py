import json
import os
import socket
import subprocess
import sys
import time

import pytest
from waiting import wait_for

from napari_conformix.errors import UserError
from napari_conformix.runs import lock
from napari_conformix.runs.lock import Owner


def me():
    return Owner.of_process(os.getpid())


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_living_owner_is_named(tmp_path, other):
    lock.take(tmp_path, Owner.of_process(other.pid))
    with pytest.raises(UserError, match=f"process {other.pid} on {socket.gethostname()}"):
        lock.take(tmp_path, me())


def test_a_dead_owner_is_followed_even_while_a_zombie(tmp_path, other):
    lock.take(tmp_path, Owner.of_process(other.pid))
    other.kill()
    wait_for(lambda: not lock.live_owner(tmp_path))  # `other` is not: it stays a zombie
    lock.take(tmp_path, me())
    assert lock.is_held(tmp_path, me())


def test_a_number_used_again_is_not_the_owner(tmp_path, other):
    lock.take(tmp_path, Owner(socket.gethostname(), other.pid, 12345.0))
    assert lock.live_owner(tmp_path) is None


def test_on_another_host_the_heartbeat_decides(tmp_path):
    elsewhere = Owner("node17", 4711, 12345.0)
    lock.take(tmp_path, elsewhere)
    with pytest.raises(UserError, match="process 4711 on node17"):
        lock.take(tmp_path, me())
    silent = time.time() - lock.SILENCE_SECONDS - 5
    os.utime(tmp_path / lock.LOCK, (silent, silent))
    lock.take(tmp_path, me())
    assert lock.is_held(tmp_path, me())
    assert not list(tmp_path.glob(".clock*"))


def test_heartbeat_touches_the_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.02)
    lock.take(tmp_path, me())
    os.utime(tmp_path / lock.LOCK, (1, 1))
    with lock.heartbeat(tmp_path):
        wait_for(lambda: (tmp_path / lock.LOCK).stat().st_mtime != 1, 5)


def test_release_leaves_the_lock_of_another(tmp_path, other):
    lock.take(tmp_path, Owner.of_process(other.pid))
    lock.release(tmp_path, me())
    assert lock.live_owner(tmp_path).pid == other.pid
    lock.release(tmp_path, Owner.of_process(other.pid))
    assert lock.read_owner(tmp_path) is None


def test_a_damaged_lock_is_not_taken_over_silently(tmp_path):
    (tmp_path / lock.LOCK).write_text("{")
    with pytest.raises(UserError, match="delete that file"):
        lock.take(tmp_path, me())
    (tmp_path / lock.LOCK).write_text(json.dumps({"who": 1}))
    with pytest.raises(UserError, match="delete that file"):
        lock.live_owner(tmp_path)
