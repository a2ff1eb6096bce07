# Sourced: makes the first cargo in PATH one that works. A rustup without a toolchain of this user's
# stands before the system's compiler and only says that it has none.
if ! cargo --version >/dev/null 2>&1 && /usr/bin/cargo --version >/dev/null 2>&1; then
  export PATH="/usr/bin:$PATH"
fi
