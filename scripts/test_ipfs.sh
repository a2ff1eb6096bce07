#!/usr/bin/env bash
# The tests of stores that outgrow one machine: real kubo daemons on loopback (built from sources
# where they are missing), then buckets. Needs what kubo is built with: scripts/build_kubo.sh.
#   test_ipfs.sh [pytest's arguments]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=${VENV:-.venv}

kubo=$(bash scripts/build_kubo.sh | tail -n 1)
if ! "$venv/bin/python" -c 'import pytest, ipfshttpclient' 2>/dev/null; then
  PYTHON=${PYTHON:-python3} VENV=$venv bash scripts/setup.sh
fi
export DECENTRALML_KUBO=$kubo DECENTRALML_KUBO_REQUIRED=1
status=0
"$venv/bin/python" -m pytest tests/ipfs "$@" || status=$?
bash scripts/test_cloud.sh "$@" || status=$?
exit $status
