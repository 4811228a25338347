#!/usr/bin/env bash
# install.sh PYTHON VENV REQUIREMENTS: make the virtual environment unless it is there, and install into it.
set -euo pipefail
python=$1 venv=$2 requirements=$3

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Python 3.11 or newer is needed, and '$python' is not. Say which one: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making the virtual environment $venv"
    if ! "$python" -m venv --clear "$venv"; then
        echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi
echo "Installing $requirements (a minute or two the first time)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --requirement "$requirements"
