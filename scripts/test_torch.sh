#!/usr/bin/env bash
# The tests that need PyTorch, Transformers or Flower, in an environment of their own: with them
# the main one would be three times as large. Made once, and anew when the pins or the project's
# own dependencies change.
#   test_torch.sh [pytest's arguments]   run tests/torch
#   test_torch.sh --install              make the environment, run nothing
#   test_torch.sh --lock                 pin requirements.in anew
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=${TORCH_VENV:-.venv-torch}
pins=tests/torch/requirements.txt
. scripts/environment.sh

install() {
  make_environment "$venv" "$pins" --editable .  # about 5 GB the first time
}

case ${1:-} in
  --lock)
    pin_environment "$venv" "$pins" tests/torch/requirements.in \
      --custom-compile-command 'scripts/test_torch.sh --lock' "${@:2}"
    ;;
  --install) install ;;
  *)
    install
    # On shared machines as many threads as cores are slower than one.
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
    exec "$venv/bin/python" -m pytest tests/torch "$@"
    ;;
esac
