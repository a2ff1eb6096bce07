#!/usr/bin/env bash
# Install what `make runtime` and `make test-substrate` need, where it is missing.
#
# Debian's compiler, since the blob in the repository is what that one gives. lld-22 is a package of
# its own: rust-lld is a link to it, and a build without it fails only at its very end.
set -euo pipefail

packages=(rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web lld-22 gcc libc6-dev)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "error: no apt-get here. Install Rust with the target wasm32v1-none (rustup target add" \
    "wasm32v1-none); builds and tests then work, but the blob's bytes cannot be compared." >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
else
  echo "error: not permitted to install; ask for: apt-get install ${missing[*]}" >&2
  exit 1
fi

echo "installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
  "${missing[@]}" >/dev/null
