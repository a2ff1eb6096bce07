#!/usr/bin/env bash
# The tests of stores in buckets, against services on this machine, in an environment of their own:
# the services' libraries and moto are eighty packages that nothing else needs. Made once, and anew
# when the pins change.
#   test_cloud.sh [pytest's arguments]   run tests/cloud
#   test_cloud.sh --install              make the environment and the services, run nothing
#   test_cloud.sh --run COMMAND …        run a command with them
#   test_cloud.sh --lock                 pin the dependencies anew
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=${CLOUD_VENV:-.venv-cloud}
pins=tests/cloud/requirements.txt
python=${PYTHON:-python3}
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1

uv() { # the project's own uv, else one of the environment's
  local found=.venv/bin/uv
  [ -x "$found" ] || found=$venv/bin/uv
  "$found" "$@"
}

stamp() {
  cat "$pins" pyproject.toml | sha256sum | cut -d' ' -f1
}

install() {
  DECENTRALML_VERSITYGW=$(bash scripts/bucket_server.sh versitygw | tail -n 1)
  DECENTRALML_FAKE_GCS=$(bash scripts/bucket_server.sh fake-gcs | tail -n 1)
  DECENTRALML_AZURITE=$(bash scripts/bucket_server.sh azurite | tail -n 1)
  export DECENTRALML_VERSITYGW DECENTRALML_FAKE_GCS DECENTRALML_AZURITE
  [ "$(cat "$venv/.ready" 2>/dev/null)" = "$(stamp)" ] && return
  echo "installing the pinned dependencies into $venv"
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  [ -x .venv/bin/uv ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
  export VIRTUAL_ENV=$venv
  uv pip install --quiet --require-hashes -r "$pins"
  # What the project came to need since the pins were made is taken as pyproject.toml says.
  uv pip install --quiet --editable '.[cloud]'
  stamp >"$venv/.ready"
}

case ${1:-} in
  --lock)
    uv pip compile pyproject.toml tests/cloud/requirements.in --extra cloud --universal \
      --python-version 3.10 --generate-hashes --no-emit-index-url \
      --custom-compile-command 'scripts/test_cloud.sh --lock' --quiet -o "$pins" "${@:2}"
    ;;
  --install) install ;;
  --run)
    install
    exec "${@:2}"
    ;;
  *)
    install
    exec "$venv/bin/python" -m pytest tests/cloud "$@"
    ;;
esac
