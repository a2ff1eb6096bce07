#!/usr/bin/env bash
# Builds kubo, the IPFS daemon that the tests, the benchmark and `decentralml demo --store ipfs` use,
# from its module's sources, and prints where the binary is as the last line. Does nothing but print
# when it was built before. DECENTRALML_KUBO=/path/to/ipfs takes that one instead.
set -euo pipefail

module=github.com/ipfs/kubo
version=v0.43.0
# What the module's zip must hash to (as in a go.sum): the rest is pinned by the go.sum inside it.
expected=h1:yIqtKSCSKZXsYHz68J6hf1/dWOe/eMyaPsTubsVUb3M=
needs_go=1.26.5

if [ -n "${DECENTRALML_KUBO:-}" ]; then
  if [ ! -x "$DECENTRALML_KUBO" ]; then
    echo "error: DECENTRALML_KUBO names $DECENTRALML_KUBO, which is no program" >&2
    exit 1
  fi
  echo "$DECENTRALML_KUBO"
  exit
fi

recipe=$(sha256sum "$0" | cut -c1-12)
place=${XDG_CACHE_HOME:-$HOME/.cache}/decentralml/kubo/$version-$recipe
if [ -x "$place/ipfs" ]; then
  echo "$place/ipfs"
  exit
fi

advice="Install Go $needs_go or newer, or set DECENTRALML_KUBO to an ipfs program of kubo $version."
if ! command -v go >/dev/null; then
  echo "error: kubo is built with Go, which is not here. $advice" >&2
  exit 1
fi
# A toolchain that Go would fetch by itself counts as missing: nobody asked for that download.
export GOTOOLCHAIN=local GOFLAGS="-mod=mod -buildvcs=false"
have=$(go env GOVERSION)
have=${have#go}
if [ "$(printf '%s\n' "$needs_go" "$have" | sort -V | head -n 1)" != "$needs_go" ]; then
  echo "error: kubo needs Go $needs_go, and this is Go $have. $advice" >&2
  exit 1
fi

mkdir -p "$place"
# Two who build at once: the second waits, then finds it done.
exec 9>"$place/.lock"
flock 9
if [ -x "$place/ipfs" ]; then
  echo "$place/ipfs"
  exit
fi

echo "building kubo $version (two minutes of a processor or more) into $place" >&2
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
go mod download -json "$module@$version" >module.json
field() { sed -n "s/^\t\"$1\": \"\(.*\)\",\{0,1\}$/\1/p" module.json; }
if [ "$(field Sum)" != "$expected" ]; then
  echo "error: the sources of kubo $version hash to $(field Sum), not to $expected: not built" >&2
  exit 1
fi
cp -r "$(field Dir)" source
chmod -R u+w source
cd source
cp go.mod go.sum ..
# Loopback only, pure Go apart from the resolver: the same binary wherever libc is.
CGO_ENABLED=0 nice -n 10 go build -trimpath -ldflags='-s -w' -o "$place/ipfs.new" ./cmd/ipfs
if ! cmp -s go.mod ../go.mod || ! cmp -s go.sum ../go.sum; then
  echo "error: the build took modules that kubo $version does not pin: not kept" >&2
  exit 1
fi
mv "$place/ipfs.new" "$place/ipfs"
echo "$place/ipfs"
