#!/usr/bin/env bash
# Builds age, the first implementation of the format in which results are sealed, and gets the
# format's own test vectors, both by their Go modules. Prints the folder with bin/age and vectors/ as
# the last line; does nothing but print when it was made before.
set -euo pipefail

age=filippo.io/age@v1.3.2
age_sum=h1:r6RSZLFSMm6rzKepZ7ZAYkKCu14f3/Me8c7uKYh7C8c=
vectors=c2sp.org/CCTV/age@v0.0.0-20251208015420-e9274a7bdbfd
vectors_sum=h1:ZLsPO6WdZ5zatV4UfVpr7oAwLGRZ+sebTUruuM4Ra3M=

recipe=$(sha256sum "$0" | cut -c1-12)
place=${XDG_CACHE_HOME:-$HOME/.cache}/decentralml/age/$recipe
if [ -f "$place/.made" ]; then
  echo "$place"
  exit
fi
if ! command -v go >/dev/null; then
  echo "error: age is built with Go, which is not here. Install Go 1.24 or newer." >&2
  exit 1
fi
# A toolchain that Go would fetch by itself counts as missing: nobody asked for that download.
export GOTOOLCHAIN=local

fetched() { # module@version, what its zip must hash to; prints its folder
  local told folder sum
  told=$(go mod download -json "$1")
  folder=$(sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$told")
  sum=$(sed -n 's/^\t"Sum": "\(.*\)",\{0,1\}$/\1/p' <<<"$told")
  if [ "$sum" != "$2" ]; then
    echo "error: $1 hashes to $sum, not to $2: not used" >&2
    exit 1
  fi
  echo "$folder"
}

mkdir -p "$place"
# Two who build at once: the second waits, then finds it done.
exec 9>"$place/.lock"
flock 9
if [ ! -f "$place/.made" ]; then
  echo "building ${age} (a minute or less) into $place" >&2
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  fetched "$age" "$age_sum" >/dev/null
  rm -rf "$place/vectors"
  cp -r "$(fetched "$vectors" "$vectors_sum")/testdata" "$place/vectors"
  chmod -R u+w "$place/vectors"
  GOBIN="$place/bin" nice -n 10 go install -trimpath "${age/@/\/cmd\/...@}"
  touch "$place/.made"
fi
echo "$place"
