#!/usr/bin/env bash
# Makes the virtual environment from the lock file. Called by make; needs Python >= 3.10 alone.
set -euo pipefail
python=${PYTHON:-python3}
venv=${VENV:-.venv}

if ! command -v "$python" >/dev/null; then
  echo "error: there is no $python here. Install Python 3.10 or newer, or: make PYTHON=/path/to/python" >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
  echo "error: $("$python" --version) does not fit: Python 3.10 to 3.13 is needed (tensorflow has no newer build). Try: make PYTHON=python3.12" >&2
  exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  echo "error: this Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2
  exit 1
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
export VIRTUAL_ENV=$venv
# The system's certificates, as pip uses them: networks with a proxy of their own need that.
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
echo "installing the pinned dependencies into $venv (about 2 GB the first time)"
"$venv/bin/uv" pip install --quiet --require-hashes -r requirements.lock
"$venv/bin/uv" pip install --quiet --no-deps -e .
