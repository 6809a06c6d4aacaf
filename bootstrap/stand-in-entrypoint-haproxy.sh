#!/bin/sh
# The job of the official image's docker-entrypoint.sh, for the stand-in base image:
# options alone mean haproxy, which runs with a master process (-W) and in the foreground (-db).
set -e

case "${1:-}" in
    -*) set -- haproxy "$@" ;;
esac

if [ "${1:-}" = haproxy ]; then
    shift
    set -- haproxy -W -db "$@"
fi
exec "$@"
