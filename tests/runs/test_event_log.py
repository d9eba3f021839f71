import errno
import os
import threading
import time

import pytest

from napari_conformix.runs import EventLog, EventReader, Warning
from napari_conformix.runs.events import to_line
from napari_conformix.training.events import Checkpoint, Latents, from_line


def latents(epoch):
    return Latents(epoch=epoch)


def epochs(events):
    return [event.epoch for event in events]


def test_what_is_appended_is_read_once(tmp_path):
    path = tmp_path / "events.jsonl"
    reader = EventReader(path, parse=from_line)
    assert reader.read_new() == []
    with EventLog(path) as log:
        log.append(latents(1))
        log.append(latents(2))
        assert epochs(reader.read_new()) == [1, 2]
        assert reader.read_new() == []
        log.append(latents(3))
    assert epochs(reader.read_new()) == [3]
    assert epochs(EventReader(path, parse=from_line).read_new()) == [1, 2, 3]


def test_a_half_written_line_waits_for_its_end(tmp_path):
    path = tmp_path / "events.jsonl"
    line = to_line(latents(2))
    path.write_text(to_line(latents(1)) + line[:20])
    reader = EventReader(path, parse=from_line)
    assert epochs(reader.read_new()) == [1]
    with path.open("a") as stream:
        stream.write(line[20:])
    assert epochs(reader.read_new()) == [2]


@pytest.mark.parametrize("left", [b"", b'{"time": 1, "kind": "lat', b"x" * 10_000])
def test_a_new_trainer_cuts_off_the_half_line_of_a_killed_one(tmp_path, left):
    path = tmp_path / "events.jsonl"
    path.write_bytes(to_line(latents(1)).encode() + left)
    with EventLog(path) as log:
        log.append(latents(2))
    assert epochs(EventReader(path, parse=from_line).read_new()) == [1, 2]


def test_a_file_of_a_half_line_alone_is_emptied(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"abc")
    with EventLog(path):
        assert path.read_bytes() == b""


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.append(latents(1))
        write = os.write

        def short(descriptor, data):
            if len(data) > 10:
                return write(descriptor, data[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", short)
        with pytest.raises(OSError, match="space"):
            log.append(Warning(message="x" * 10))
        monkeypatch.undo()
        assert path.read_text() == to_line(EventReader(path, parse=from_line).read_new()[0])
        log.append(latents(2))
    assert epochs(EventReader(path, parse=from_line).read_new()) == [1, 2]


def test_a_replaced_or_shortened_file_is_read_anew(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(to_line(latents(1)) + to_line(latents(2)))
    reader = EventReader(path, parse=from_line)
    reader.read_new()
    path.write_text(to_line(latents(3)))
    assert epochs(reader.read_new()) == [3]
    other = tmp_path / "other"
    other.write_text(to_line(latents(4)) + to_line(latents(5)) + to_line(latents(6)))
    os.replace(other, path)
    assert epochs(reader.read_new()) == [4, 5, 6]


def test_a_line_that_makes_no_sense_becomes_a_warning(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(to_line(latents(1)).encode() + b"\x00\xff{\n" + to_line(latents(2)).encode())
    events = EventReader(path, parse=from_line).read_new()
    assert [e.kind for e in events] == ["latents", "warning", "latents"]
    assert "Line 2 of events.jsonl" in events[1].message


def test_from_the_end(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.append(latents(1))
        reader = EventReader(path, from_start=False, parse=from_line)
        log.append(latents(2))
    assert epochs(reader.read_new()) == [2]


def test_reading_beside_writing_loses_and_tears_nothing(tmp_path):
    path = tmp_path / "events.jsonl"
    reader, got = EventReader(path, parse=from_line), []

    def write():
        with EventLog(path) as log:
            for i in range(2000):
                log.append(Checkpoint(epoch=i, path="p" * (i % 300)))

    thread = threading.Thread(target=write)
    thread.start()
    deadline = time.monotonic() + 30
    while len(got) < 2000 and time.monotonic() < deadline:
        got += reader.read_new()
    thread.join()
    assert [e.epoch for e in got] == list(range(2000))
    assert {e.kind for e in got} == {"checkpoint"}
