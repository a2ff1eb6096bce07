#!/usr/bin/env bash
# Tests on real validators: the node is built (once for its sources), then come the tests that are
# about a network (conformance, faults, the demo), then those of client and roles on a network that
# they share.
#
#   scripts/test_network.sh [WHAT…]   both suites, or only `pytest WHAT…` on a network
#
# WORKERS (8): processes of the shared suite; nearly all of its time is waiting for final blocks.
set -euo pipefail
cd "$(dirname "$0")/.."

DECENTRALML_NODE_BINARY=$(bash scripts/build_node.sh)
export DECENTRALML_NODE_BINARY DECENTRALML_NODE_REQUIRED=1

if [ $# -gt 0 ]; then
  exec .venv/bin/pytest --chain network -n "${WORKERS:-8}" "$@"
fi
status=0
.venv/bin/pytest tests/network -n 3 --dist loadfile -o timeout=900 || status=1
.venv/bin/pytest --chain network -n "${WORKERS:-8}" -o timeout=900 \
  tests/decentralml/chain tests/decentralml/roles || status=1
exit $status
