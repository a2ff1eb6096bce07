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
  [ "$(cat "$venv/.ready" 2>/dev/null)" = "$(stamp)" ] && return
  echo "installing the pinned dependencies into $venv (about 5 GB the first time)"
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  [ -x .venv/bin/uv ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
  export VIRTUAL_ENV=$venv
  uv pip install --quiet --require-hashes -r "$pins"
  # What the project came to need since the pins were made is taken as pyproject.toml says.
  uv pip install --quiet --editable .
  stamp >"$venv/.ready"
}

case ${1:-} in
  --lock)
    uv pip compile pyproject.toml tests/torch/requirements.in --universal --python-version 3.10 \
      --generate-hashes --no-emit-index-url --custom-compile-command 'scripts/test_torch.sh --lock' \
      --quiet -o "$pins" "${@:2}"
    ;;
  --install) install ;;
  *)
    install
    # On shared machines as many threads as cores are slower than one.
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
    exec "$venv/bin/python" -m pytest tests/torch "$@"
    ;;
esac
