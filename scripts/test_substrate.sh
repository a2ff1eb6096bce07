#!/usr/bin/env bash
# Everything that is checked about substrate/: format, lints, the rules of the market, the runtime,
# and that the blob in the package is, byte for byte, what the sources give.
#
#   scripts/test_substrate.sh            all of it
#   scripts/test_substrate.sh --walk     only the pallet's random walk, DECENTRALML_WALK_STEPS long
#   scripts/test_substrate.sh --quick    without building the blob again
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
mode=${1:-all}
python=${PYTHON:-$root/.venv/bin/python}

bash "$root/scripts/install_rust.sh"
# One compiler for all of it: a rustup that stands in front of Debian's would build everything anew
# and lint by other rules.
if [ -x /usr/bin/cargo ]; then
  export PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
fi
cd "$root/substrate"

# Both at once, so that the checks of every invariant and the benchmarks' own tests need one build.
features=try-runtime,runtime-benchmarks

step() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  "$@"
  echo "== $name: $((SECONDS - start)) s"
}

walk() {
  step "random walk of ${DECENTRALML_WALK_STEPS:-the usual number of} steps" \
    cargo test --locked --workspace --features $features random_walk
}

if [ "$mode" = --walk ]; then
  walk
  exit
fi
step "sources and blob" "$python" "$root/scripts/build_runtime.py" --check
step "format" cargo fmt --all --check
step "lints" cargo clippy --locked --workspace --all-targets --features $features -- -D warnings
step "tests" cargo test --locked --workspace --features $features
if [ "$mode" != --quick ]; then
  step "a second build of the blob" "$python" "$root/scripts/build_runtime.py" --rebuild-check
fi
