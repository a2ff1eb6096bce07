#!/usr/bin/env bash
# What is checked about substrate/node without a running chain: format, lints, its own tests. The
# dependencies are those that `scripts/build_node.sh` compiled. `tests/network` runs the node itself.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bash "$root/scripts/build_node.sh" >/dev/null
. "$root/scripts/rust.sh"
export OPENSSL_NO_VENDOR=1 SKIP_WASM_BUILD=1
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/decentralml/target/node}
cd "$root/substrate/node"

echo "== format"
cargo fmt --check
# `cargo clippy` would check 800 dependencies once more, for eight minutes; as a wrapper of the
# compiler it lints what is compiled for the tests anyway.
echo "== lints and tests"
export RUSTC_WORKSPACE_WRAPPER=clippy-driver
export CLIPPY_ARGS="-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"
cargo test --locked --release
