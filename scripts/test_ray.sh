#!/usr/bin/env bash
# The tests of simulations on a Ray cluster (a real one, of this machine), in an environment of their
# own: Ray is large, and only this needs it. Made once, and anew when the project's needs change.
#   test_ray.sh [pytest's arguments]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=${RAY_VENV:-.venv-ray}
. scripts/environment.sh

make_environment "$venv" "" --editable '.[ray]' \
  'pytest>=8.3' 'pytest-timeout>=2.3' 'hypothesis>=6.120' 'psutil>=6'
exec "$venv/bin/python" -m pytest tests/decentralml/simulation/test_ray_pool.py "$@"
