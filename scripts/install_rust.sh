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

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  if command -v cargo >/dev/null; then
    echo "warning: this is not Debian, or not permitted to install ${missing[*]}; going on with" \
      "$(command -v cargo). The blob's bytes cannot be compared with another compiler's." >&2
    exit 0
  fi
  echo "error: no Rust here. On Debian ask for: apt-get install ${missing[*]}" >&2
  echo "elsewhere: rustup with clippy, rustfmt and the target wasm32v1-none" >&2
  exit 1
fi

echo "installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
  "${missing[@]}" >/dev/null
