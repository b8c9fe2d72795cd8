# Read by the other scripts with `.`; sets $top, the project's directory, and works from there.
# shellcheck shell=sh
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$top"
test_user=autoctl-test

say() { printf '==> %s\n' "$*"; }

# build PRESET [TARGET…]
build() {
  preset=$1
  shift
  say "Building ($preset); the first time takes some minutes"
  # Another clone's objects are as good, wherever it lies.
  export CCACHE_BASEDIR="$top" CCACHE_NOHASHDIR=1
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" -j "$(nproc)" ${1:+--target "$@"}
}

# Postgres refuses to run as root, so what root tests or measures runs as a user who cannot enter, say, /root: then the
# script goes on from a copy. Call it with the script's arguments.
leave_private_directory() {
  [ "$(id -u)" -eq 0 ] || return 0
  home=/var/lib/$test_user
  if ! id "$test_user" >/dev/null 2>&1; then
    say "Creating the user $test_user, who runs the tests"
    useradd --system --user-group --home-dir "$home" --create-home --shell /usr/sbin/nologin "$test_user"
  fi
  setpriv --reuid="$test_user" --regid="$test_user" --clear-groups test -r "$top/scripts/sandbox" && return 0
  say "$test_user cannot read $top: working in a copy, $home/src"
  chmod 755 "$home"
  mkdir -p "$home/src"
  chown root:root "$home/src"
  find "$home/src" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -C "$top" --exclude=./build --exclude=./.git -cf - . | tar -C "$home/src" --no-same-owner -xf -
  chmod -R a+rX "$home/src"
  exec "$home/src/scripts/$(basename -- "$0")" "$@"
}
