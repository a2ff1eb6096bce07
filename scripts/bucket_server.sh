#!/usr/bin/env bash
# Gets a storage service for the tests of buckets and prints its program's path as the last line:
#   bucket_server.sh versitygw    S3 over a folder (Go)
#   bucket_server.sh fake-gcs     Google Cloud Storage's JSON API (Go)
#   bucket_server.sh azurite      Azure Blob Storage (Node)
# Does nothing but print when it was made before. DECENTRALML_VERSITYGW, DECENTRALML_FAKE_GCS and
# DECENTRALML_AZURITE name programs to take instead.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/decentralml

given() { # prints the program that the variable names, if it does
  [ -n "${!1:-}" ] || return 1
  if [ ! -x "${!1}" ]; then
    echo "error: $1 names ${!1}, which is no program" >&2
    exit 1
  fi
  echo "${!1}"
}

locked() { # one at a time makes what lies in a folder
  mkdir -p "$1"
  exec 9>"$1/.lock"
  flock 9
}

go_program() { # name, module, version, what its zip hashes to (as in a go.sum), package
  local place=$cache/$1/$3
  if [ ! -x "$place/$1" ]; then
    command -v go >/dev/null || { echo "error: $1 is built with Go, which is not here" >&2; exit 1; }
    locked "$place"
  fi
  if [ ! -x "$place/$1" ]; then
    echo "building $1 $3 (one to three minutes) into $place" >&2
    export GOTOOLCHAIN=local
    work=$(mktemp -d)
    trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
    cd "$work"
    go mod download -json "$2@$3" >module.json
    field() { sed -n "s/^\t\"$1\": \"\(.*\)\",\{0,1\}$/\1/p" module.json; }
    if [ "$(field Sum)" != "$4" ]; then
      echo "error: the sources of $1 $3 hash to $(field Sum), not to $4: not built" >&2
      exit 1
    fi
    cp -r "$(field Dir)" source
    chmod -R u+w source
    cd source
    # Its own go.sum pins the rest: the build takes nothing that is not in it.
    CGO_ENABLED=0 nice -n 10 go build -p 2 -mod=readonly -buildvcs=false -trimpath \
      -ldflags='-s -w' -o "$place/$1.new" "$5"
    mv "$place/$1.new" "$place/$1"
  fi
  echo "$place/$1"
}

npm_program() { # package, version, program
  local place=$cache/$1/$2
  if [ ! -x "$place/node_modules/.bin/$3" ]; then
    command -v npm >/dev/null || { echo "error: $1 needs npm, which is not here" >&2; exit 1; }
    locked "$place"
  fi
  if [ ! -x "$place/node_modules/.bin/$3" ]; then
    echo "installing $1 $2 into $place" >&2
    npm install --prefix "$place" --no-audit --no-fund --ignore-scripts --loglevel=error \
      "$1@$2" >&2
  fi
  echo "$place/node_modules/.bin/$3"
}

case ${1:-} in
  versitygw)
    given DECENTRALML_VERSITYGW || go_program versitygw github.com/versity/versitygw v1.8.0 \
      h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc= ./cmd/versitygw
    ;;
  fake-gcs)
    given DECENTRALML_FAKE_GCS || go_program fake-gcs-server github.com/fsouza/fake-gcs-server \
      v1.56.1 h1:K03sAvbLvDz4hAynpCCUqnNRp+ik9JFSvHbkD/wTPOU= .
    ;;
  azurite)
    given DECENTRALML_AZURITE || npm_program azurite 3.35.0 azurite-blob
    ;;
  *)
    echo "usage: $0 versitygw | fake-gcs | azurite" >&2
    exit 2
    ;;
esac
