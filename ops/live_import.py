"""`make import`: the data of a running Redis or Valkey, live into the stack, by its container of kind `backup`.

python -m ops.live_import --from redis[s]://[USER[:PASSWORD]@]HOST[:PORT] [--stack STACK] [--check] [--replace] ...
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ops.backup import INTERRUPTED, LEFT_ALONE, find, run_at
from ops.stack import OpsError

PASSWORD = "SOURCE_PASSWORD"  # noqa: S105 - its name in the environment
ENVIRONMENT = "REDIS_HA_IMPORT_SOURCE"
"""How backup/live/source.py is told."""
OPTIONS = ("check", "replace", "empty-first", "no-pause")
FILES = {"ssl_ca_certs": "ca", "ssl_certfile": "cert", "ssl_keyfile": "key"}
"""As in the URLs of redis-py."""
DEFAULT_PORT = 6379


def told(url: str, password: str | None) -> str:
    """What the container is told of the source. Raises OpsError, which says nothing of a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise OpsError("FROM= is no URL such as redis://user@host:6379") from None
    if parts.scheme not in ("redis", "rediss") or not host or parts.path not in ("", "/"):
        raise OpsError("FROM= must be redis://user@host:6379, or rediss:// for TLS; all databases are imported")
    if unknown := set(query) - {*FILES, "ssl_check_hostname"}:
        raise OpsError(f"FROM=: {', '.join(sorted(unknown))}: known are {', '.join(FILES)} and ssl_check_hostname")
    return json.dumps(
        {
            "host": host,
            "port": port,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password) if parts.password else password or "",
            "tls": parts.scheme == "rediss",
            "check_hostname": query.get("ssl_check_hostname", ["true"])[0].lower() != "false",
            **{word: _content(query[name][0]) if name in query else "" for name, word in FILES.items()},
        }
    )


def _content(file: str) -> str:
    try:
        return Path(file).read_text()
    except (OSError, ValueError) as error:
        raise OpsError(f"{file}: {error}") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.live_import")
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--from", dest="source", default="", help=f"redis://...; its password may be in {PASSWORD}")
    parser.add_argument("--hold", type=int, help="seconds that the source takes no writes afterwards (300)")
    for option in OPTIONS:
        parser.add_argument(f"--{option}", action="store_true")
    arguments = parser.parse_args(argv)
    words = ["import", *(name for name in OPTIONS if getattr(arguments, name.replace("-", "_")))]
    if arguments.hold is not None:
        words.append(f"hold={max(0, arguments.hold)}")
    try:
        source = told(arguments.source, os.environ.get(PASSWORD))
        return run_at(find(arguments.stack), *words, environment={ENVIRONMENT: source})
    except OpsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(LEFT_ALONE)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
