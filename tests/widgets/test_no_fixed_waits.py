"""No test waits for a fixed time: it is too long on a quick machine and too short on a busy one.

`tests/support/qt_waiting.py` waits for what is expected, and until nothing is left to do.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: as long as this lasts a pause between two looks, or between two movements of a hand
LONGEST_PAUSE = 0.05
#: calls that let a time go by, with the factor that makes seconds of their argument
PAUSES = {
    **dict.fromkeys(("sleep", "time.sleep", "pause", "qt_waiting.pause", "process_events"), 1.0),
    **dict.fromkeys(("qtbot.wait", "QTest.qWait", "qWait"), 0.001),
}
#: file of the tests, what is called there, and why nothing can be waited for
ALLOWED = {
    ("training/batches/test_prefetch.py", "time.sleep(0.2)"): "a thread that waits shows nothing",
    ("jobs/training/test_running.py", "time.sleep(0.5)"): "a trainer that is paused shows nothing",
    ("jobs/training/test_running.py", "time.sleep(0.25)"): "the trainer's own period of looking",
}


def pauses(source: str) -> Iterator[str]:
    """Calls that wait for a fixed time longer than allowed, as they are written."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        factor, given = PAUSES.get(ast.unparse(node.func)), node.args[0]
        if factor is None:
            continue
        if isinstance(given, ast.Constant):
            if given.value * factor > LONGEST_PAUSE:
                yield ast.unparse(node)
        elif factor != 1.0:  # seconds in a variable are how long something that is tested takes
            yield ast.unparse(node)


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("time.sleep(0.5)", 1),
        ("sleep(1)", 1),
        ("time.sleep(0.01)", 0),
        ("time.sleep(self.decode_seconds)", 0),
        ("pause(0.2)", 1),
        ("pause(0.012)", 0),
        ("clock.pause(3590)", 0),
        ("process_events(0.1)", 1),
        ("qtbot.wait(100)", 1),
        ("QTest.qWait(60)", 1),
        ("QTest.qWait(3 * LAID_OUT_MS)", 1),
        ("window.wait(lambda: shown, 60)", 0),
        ("gate.wait(10)", 0),
    ],
)
def test_what_counts_as_a_fixed_wait(line: str, count: int) -> None:
    assert len([*pauses(line)]) == count


def test_no_test_waits_for_a_fixed_time() -> None:
    found = {
        (str(path.relative_to(TESTS)), call)
        for path in TESTS.rglob("*.py")
        for call in pauses(path.read_text())
    }
    assert found - ALLOWED.keys() == set(), "use wait() or settle() of tests/support/qt_waiting.py"
    assert ALLOWED.keys() - found == set(), "these exceptions are not needed any more"
