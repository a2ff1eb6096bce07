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

# A checkout where nothing was compiled yet takes what an earlier one compiled of the same crates by
# the same compiler. The folder of another lock file or compiler, or one that grew, goes.
if [ -z "${CARGO_TARGET_DIR:-}" ] && [ ! -d target/debug ]; then
  kept=${XDG_CACHE_HOME:-$HOME/.cache}/decentralml/target
  name=pallet-$({ rustc -vV; cat Cargo.lock; } | sha256sum | cut -c1-16)
  for folder in "$kept"/pallet-*; do
    if [ -d "$folder" ] && { [ "${folder##*/}" != "$name" ] || [ "$(du -sm "$folder" | cut -f1)" -gt 6000 ]; }; then
      rm -rf "$folder"
    fi
  done
  export CARGO_TARGET_DIR=$kept/$name
fi

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
# `cargo clippy` would check every dependency once more; as a wrapper of the compiler it lints what
# is compiled for the tests anyway.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver
export CLIPPY_ARGS="-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"
step "lints and tests" cargo test --locked --workspace --features $features
unset RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
if [ "$mode" != --quick ]; then
  step "a second build of the blob" "$python" "$root/scripts/build_runtime.py" --rebuild-check
fi
