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
. scripts/environment.sh

install() {
  DECENTRALML_VERSITYGW=$(bash scripts/bucket_server.sh versitygw | tail -n 1)
  DECENTRALML_FAKE_GCS=$(bash scripts/bucket_server.sh fake-gcs | tail -n 1)
  DECENTRALML_AZURITE=$(bash scripts/bucket_server.sh azurite | tail -n 1)
  export DECENTRALML_VERSITYGW DECENTRALML_FAKE_GCS DECENTRALML_AZURITE
  make_environment "$venv" "$pins" --editable '.[cloud]'
}

case ${1:-} in
  --lock)
    pin_environment "$venv" "$pins" tests/cloud/requirements.in --extra cloud \
      --custom-compile-command 'scripts/test_cloud.sh --lock' "${@:2}"
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
