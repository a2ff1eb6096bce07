#!/usr/bin/env bash
# Build the node of `substrate/node` once for its sources, and say where it is: the path of the
# binary is the last line of stdout, all else goes to stderr.
#
#   scripts/build_node.sh               build it unless it is there already
#   scripts/build_node.sh --path        where it is or would be; status 1 when it is not built
#   scripts/build_node.sh --benchmark   the one that has `benchmark pallet` besides
#
# DECENTRALML_NODE_BINARY=/path/to/a/node is taken instead of any of these. Binaries are kept by the hash of
# what they are built from, so that going back to an old commit costs nothing.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/substrate/node
cache=${XDG_CACHE_HOME:-$HOME/.cache}/decentralml
features=()
path_only=
for argument in "$@"; do
  case $argument in
    --path) path_only=1 ;;
    --print) ;;
    --benchmark) features=(--features benchmark) ;;
    *) echo "error: unknown option $argument" >&2; exit 2 ;;
  esac
done

if [ -n "${DECENTRALML_NODE_BINARY:-}" ]; then
  if [ ! -x "$DECENTRALML_NODE_BINARY" ]; then
    echo "error: DECENTRALML_NODE_BINARY names $DECENTRALML_NODE_BINARY, which is no program" >&2
    exit 1
  fi
  echo "$DECENTRALML_NODE_BINARY"
  exit 0
fi

hash=$(
  cd "$source"
  {
    echo "${features[*]}"
    find Cargo.toml Cargo.lock src -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  } | sha256sum | cut -c1-16
)
binary=$cache/node/$hash/decentralml-node
if [ -x "$binary" ] || [ -n "$path_only" ]; then
  echo "$binary"
  [ -x "$binary" ]
  exit
fi

# What the build needs besides this repository. OpenSSL is the system's (OPENSSL_NO_VENDOR): to
# compile it too takes two minutes more, and then nobody patches it.
install_missing() {
  local missing=()
  cargo --version >/dev/null 2>&1 || missing+=(rustc-web cargo-web)
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v make >/dev/null || missing+=(make)
  command -v perl >/dev/null || missing+=(perl)
  command -v protoc >/dev/null || missing+=(protobuf-compiler libprotobuf-dev)
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  { command -v pkg-config >/dev/null && pkg-config --exists openssl; } || missing+=(libssl-dev)
  if [ ${#missing[@]} -eq 0 ]; then
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
  fi
  if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "error: to build the node, install what Debian calls ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

. "$root/scripts/rust.sh"
install_missing
. "$root/scripts/rust.sh"
mkdir -p "$cache/node"
exec 9>"$cache/node/lock"
flock 9
if [ ! -x "$binary" ]; then
  echo "building the node: 17 minutes of CPU the first time (40 with Debian's compiler), about four after a change" >&2
  export OPENSSL_NO_VENDOR=1 CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target/node}
  # A crate of the benchmarks would compile a runtime of its own, for a measurement that we do not offer.
  export SKIP_WASM_BUILD=1
  (cd "$source" && cargo build --locked --release "${features[@]}" >&2)
  mkdir -p "$(dirname "$binary")"
  install -m 755 "$CARGO_TARGET_DIR/release/decentralml-node" "$binary.new"
  mv "$binary.new" "$binary"
fi
echo "$binary"
