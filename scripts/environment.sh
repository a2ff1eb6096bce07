# Sourced by the scripts whose tests need an environment of their own, beside .venv.

python=${PYTHON:-python3}
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1

# environment_uv VENV ARGUMENTS…: the project's own uv, else one of that environment's.
environment_uv() {
  local found=.venv/bin/uv
  [ -x "$found" ] || found=$1/bin/uv
  "$found" "${@:2}"
}

# make_environment VENV PINS WHAT…: VENV with what PINS names by hash (a requirements file; empty for
# none) and WHAT… besides, as `uv pip install` takes them. Made anew when the pins, the project's own
# needs or WHAT change.
make_environment() {
  local venv=$1 pins=$2 stamp
  stamp=$({ cat ${pins:+"$pins"} pyproject.toml; echo "${@:3}"; } | sha256sum | cut -d' ' -f1)
  [ "$(cat "$venv/.ready" 2>/dev/null)" = "$stamp" ] && return
  echo "installing into $venv"
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  [ -x .venv/bin/uv ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
  local -x VIRTUAL_ENV=$venv
  [ -z "$pins" ] || environment_uv "$venv" pip install --quiet --require-hashes -r "$pins"
  # What the project came to need since the pins were made is taken as pyproject.toml says.
  environment_uv "$venv" pip install --quiet "${@:3}"
  echo "$stamp" >"$venv/.ready"
}

# pin_environment VENV PINS ARGUMENTS…: write PINS anew; ARGUMENTS as for `uv pip compile`.
pin_environment() {
  environment_uv "$1" pip compile pyproject.toml "${@:3}" --universal --python-version 3.10 \
    --generate-hashes --no-emit-index-url --quiet -o "$2"
}
