#!/usr/bin/env bash
# The tests of simulations on a Ray cluster (a real one, of this machine), in an environment of their
# own: Ray is large, and only this needs it. Made once, and anew when the project's needs change.
#   test_ray.sh [pytest's arguments]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=${RAY_VENV:-.venv-ray}
python=${PYTHON:-python3}
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1

stamp=$(sha256sum pyproject.toml | cut -d' ' -f1)
if [ "$(cat "$venv/.ready" 2>/dev/null)" != "$stamp" ]; then
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  uv=.venv/bin/uv
  if [ ! -x "$uv" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
    uv=$venv/bin/uv
  fi
  VIRTUAL_ENV=$venv "$uv" pip install --quiet --editable '.[ray]' \
    'pytest>=8.3' 'pytest-timeout>=2.3' 'hypothesis>=6.120' 'psutil>=6'
  echo "$stamp" >"$venv/.ready"
fi
exec "$venv/bin/python" -m pytest tests/decentralml/simulation/test_ray_pool.py "$@"
