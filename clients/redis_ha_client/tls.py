"""One TLS context for many connections.

redis-py makes one for each, with all CAs of the system in it: that takes 20 to 50 ms of CPU, in the middle of a
failover, of each client that connects anew (`SSLConnection._wrap_socket_with_ssl`, `RedisSSLContext.get`).
"""

import os
import ssl
from functools import lru_cache
from typing import Any, TypeVar

from redis.asyncio.connection import SSLConnection as AsyncSSLConnection
from redis.connection import SSLConnection

Client = TypeVar("Client", bound=Any)

# What else changes a context, by redis-py's names. With any of these it makes its own.
_MORE = (
    "ca_certs",
    "ca_path",
    "certificate_password",
    "ssl_min_version",
    "ssl_ciphers",
    "ssl_validate_ocsp",
    "ssl_validate_ocsp_stapled",
    "ssl_include_verify_flags",
    "ssl_exclude_verify_flags",
)
_MORE_IN_ASYNCIO = (
    "ca_certs",
    "ca_path",
    "password",
    "min_version",
    "ciphers",
    "include_verify_flags",
    "exclude_verify_flags",
)


class OneContext(SSLConnection):
    """A connection with the context that all have whose options are the same."""

    def _wrap_socket_with_ssl(self, sock: Any) -> Any:
        context = _shared(self, _MORE)
        if context is None:
            return super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]
        return context.wrap_socket(sock, server_hostname=self.host)


class AsyncOneContext(AsyncSSLConnection):
    """The same in asyncio."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = _shared(self.ssl_context, _MORE_IN_ASYNCIO)


def one_context(client: Client) -> Client:
    """The same client, a Redis of redis-py; its connections, where they have TLS, have one context from now on."""
    pool = client.connection_pool
    pool.connection_class = _INSTEAD.get(pool.connection_class, pool.connection_class)
    return client


def _shared(options: Any, more: tuple[str, ...]) -> ssl.SSLContext | None:
    """None where it is not simply one CA that is trusted."""
    if not options.ca_data or options.cert_reqs != ssl.CERT_REQUIRED:
        return None
    if any(getattr(options, name, None) for name in more):
        return None
    own = tuple(path for path in (options.certfile, options.keyfile) if path)
    # A certificate that is renewed in its place is taken up.
    written = tuple(os.stat(path).st_mtime_ns for path in own)  # noqa: PTH116 - as quick as can be
    return _made(options.ca_data, own, written, bool(options.check_hostname))


@lru_cache(maxsize=16)
def _made(ca: str, own: tuple[str, ...], written: tuple[int, ...], check_hostname: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    context.check_hostname = check_hostname
    if own:
        context.load_cert_chain(*own)
    return context


_INSTEAD: dict[type, type] = {SSLConnection: OneContext, AsyncSSLConnection: AsyncOneContext}
