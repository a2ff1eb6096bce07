#!/usr/bin/env bash
# Tests on real validators: the node is built (once for its sources), then come, side by side, the
# tests that are about a network (conformance, faults, the demo), and those of client and roles on a
# network that they share. Nearly all of the time is waiting for final blocks.
#
#   scripts/test_network.sh [WHAT…]   both suites, or only `pytest WHAT…` on a network
#
# WORKERS (12): processes of the shared suite.
set -euo pipefail
cd "$(dirname "$0")/.."

DECENTRALML_NODE_BINARY=$(bash scripts/build_node.sh)
export DECENTRALML_NODE_BINARY DECENTRALML_NODE_REQUIRED=1

on_a_network() {
  .venv/bin/pytest --chain network -n "${WORKERS:-12}" --dist worksteal -o timeout=900 "$@"
}

if [ $# -gt 0 ]; then
  on_a_network "$@"
  exit
fi
log=$(mktemp)
# The longest first: nobody shall wait for one job of many rounds in the end.
on_a_network tests/decentralml/roles/{secure,job} tests/decentralml/{roles,chain} >"$log" 2>&1 &
shared=$!
trap 'kill "$shared" 2>/dev/null || true; wait "$shared" || true; rm -f "$log"' EXIT
status=0
.venv/bin/pytest tests/network -n 3 --dist loadfile -o timeout=900 || status=1
echo "== the tests of client and roles on a network that they share"
wait "$shared" || status=1
cat "$log"
exit $status
