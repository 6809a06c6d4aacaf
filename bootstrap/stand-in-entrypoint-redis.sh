#!/bin/sh
# The job of the official image's docker-entrypoint.sh, for the stand-in base image:
# options or a .conf file alone mean redis-server; a server started as root drops to user redis.
set -e

case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    case "$1" in
        redis-server | redis-sentinel)
            find . ! -user redis -exec chown redis '{}' +
            exec setpriv --reuid=redis --regid=redis --clear-groups -- "$0" "$@"
            ;;
    esac
fi

# Files that Redis writes are for its own user, unless the caller chose another mask.
if [ "$(umask)" = 0022 ]; then umask 0077; fi
exec "$@"
