"""Let the tests of the loop find the test methods and the tiny particle set."""

import sys
from pathlib import Path

JOBS = Path(__file__).parents[1] / "jobs"
for folder in (JOBS, JOBS / "plugin"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
