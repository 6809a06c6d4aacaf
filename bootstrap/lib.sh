# shellcheck shell=sh
# Shared by pulumiw and the scripts in bootstrap/: messages, the cache folder, apt.
# Source it; it runs nothing.

# Messages go to stderr, so that `pulumiw stack output ... > file` stays clean.
# One that is about a host among several begins with its name.
say() { printf '%s%s\n' "${REDIS_HA_HOST:+host $REDIS_HA_HOST: }" "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# What can be made again lives here: stamps, the stand-in's archive, logs.
cache_dir() {
    dir=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/redis-ha
    mkdir -p "$dir" || die "cannot create $dir (set XDG_CACHE_HOME to a writable folder)"
    printf '%s\n' "$dir"
}

# fresh FILE MINUTES: the stamp exists and is younger than that.
fresh() { [ -n "$(find "$1" -mmin "-$2" 2>/dev/null)" ]; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

# apt_install PACKAGE...: progress is one line per phase; the log is shown when it fails.
apt_install() {
    log=$(cache_dir)/apt.log
    say "installing $* (apt-get) ..."
    if ! {
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq update &&
            DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
                install -y --no-install-recommends "$@"
    } </dev/null >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        die "apt-get could not install $* (log: $log)"
    fi
}
