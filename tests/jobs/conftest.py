"""Let the jobs' tests find their methods and samples."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE / "plugin"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(HERE / "plugin"), os.environ.get("PYTHONPATH", "")])
)
