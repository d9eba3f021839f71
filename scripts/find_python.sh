#!/usr/bin/env bash
# Print the Python that the virtual environment is made with: 3.11 to 3.13, able to make one.
# PYTHON=/some/python chooses it.
set -u

usable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
        >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" && { echo "$PYTHON"; exit 0; }
    echo "PYTHON=$PYTHON is not a Python 3.11 to 3.13 with the venv module." >&2
    exit 1
fi
for candidate in python3.11 python3.12 python3.13 python3 python; do
    usable "$candidate" && { echo "$candidate"; exit 0; }
done
echo "No Python 3.11, 3.12 or 3.13 with the venv module was found; on Debian and Ubuntu:" \
    "sudo apt-get install python3 python3-venv" >&2
exit 1
