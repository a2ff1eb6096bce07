#!/usr/bin/env bash
# Clients that nobody here wrote, unmodified, against a development chain that this starts and
# stops. Needs Node (20 or later); downloads once, into a cache. Chooses: run.sh [js] [papi] [python] [age].
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/decentralml/clients
which=${*:-js papi python age}
mkdir -p "$cache"

installed() { # stamp file, file that it was installed from
  [ -f "$1" ] && cmp -s "$1" "$2"
}

install_node_modules() { # folder, npm's command
  command -v npm >/dev/null || { echo "error: Node and npm are needed: https://nodejs.org" >&2; exit 1; }
  if ! installed "$1/node_modules/.installed-lock.json" "$1/package-lock.json"; then
    (cd "$1" && npm $2 --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp "$1/package-lock.json" "$1/node_modules/.installed-lock.json"
  fi
}

install_js() { install_node_modules "$here/js" ci; }

# Its command line brings optional builds for every platform, which no lock of one platform lists.
install_papi() { install_node_modules "$here/papi" "install --no-save --omit=optional"; }

install_python() {
  if ! installed "$cache/python/.installed.txt" "$here/python/requirements.txt"; then
    rm -rf "$cache/python"
    "$python" -m venv "$cache/python"
    "$cache/python/bin/pip" install --quiet --disable-pip-version-check -r "$here/python/requirements.txt"
    cp "$here/python/requirements.txt" "$cache/python/.installed.txt"
  fi
}

# Reads and writes sealed results; asks nothing of a chain.
install_age() { AGE_HOME=$(bash "$root/scripts/build_age.sh"); export AGE_HOME; }

start_chain() {
  coproc CHAIN { exec "$python" -m pallets_mock --port 0 --memory --json-ready 2>&1; }
  chain=$CHAIN_PID
  trap 'kill "$chain" 2>/dev/null || true; wait "$chain" 2>/dev/null || true' EXIT
  read -r -t 60 ready <&"${CHAIN[0]}" || { echo "error: the chain did not start: $ready" >&2; exit 1; }
  CHAIN_URL=$("$python" -c 'import json, sys; print(json.loads(sys.argv[1])["url"])' "$ready")
  export CHAIN_URL
}

for client in $which; do "install_$client"; done
start_chain
status=0
for client in $which; do
  echo "== $client against $CHAIN_URL"
  case $client in
    js | papi) (cd "$here/$client" && node --test --test-reporter=spec --test-concurrency=1 ./*.test.mjs) || status=1 ;;
    age) "$python" -m pytest -q "$here/age" || status=1 ;;
    python) "$cache/python/bin/python" "$here/python/async_substrate.py" "$CHAIN_URL" || status=1 ;;
  esac
done
exit $status
