#!/usr/bin/env bash
# Measures what our own pallets' calls cost, and writes their weights.rs anew.
#
#   scripts/benchmark_weights.sh [STEPS [REPEAT]]     50 and 20 unless told
#
# Builds the runtime with its benchmarks, and the node that runs them. Afterwards: `make runtime`,
# since weights are part of the blob. On a machine that does nothing else.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
steps=${1:-50} repeat=${2:-20}
python=${PYTHON:-$root/.venv/bin/python}
runtime=$root/substrate/target/wasm/decentralml_runtime.benchmarks.wasm

bash "$root/scripts/install_rust.sh"
if [ -z "${DECENTRALML_BENCHMARK_RUNTIME:-}" ]; then
  "$python" "$root/scripts/build_runtime.py" --features runtime-benchmarks --output "$runtime"
else
  runtime=$DECENTRALML_BENCHMARK_RUNTIME
fi
node=$(bash "$root/scripts/build_node.sh" --benchmark | tail -n 1)

measure() {
  local pallet=$1 output=$2
  "$node" benchmark pallet --runtime "$runtime" \
    --genesis-builder runtime --genesis-builder-preset development \
    --pallet "$pallet" --extrinsic '*' --steps "$steps" --repeat "$repeat" \
    --heap-pages 4096 --output-analysis median-slopes \
    --template "$root/substrate/weight-template.hbs" --output "$output"
}

measure pallet_decentralml "$root/substrate/pallet/src/weights.rs"
measure pallet_rotation "$root/substrate/rotation/src/weights.rs"
