"""Figures for a Prometheus that nodes cannot be asked for: until when certificates are valid, how full the disk is.

    figures.py serve HOST:PORT FOLDER [backup=FILE] [NODE=HOST:PORT ...]
    figures.py check HOST:PORT

FOLDER is a volume: its disk is the one that all volumes of this Docker are on. With a CA in it, the certificate that
each NODE shows is looked at. FILE is what the backup's container says of its last attempts. It runs in the nodes'
image: only modules that configs/trim-python names.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import socket
import ssl
import sys
import time

CA, CLIENT = "ca.pem", "client.pem"
EXPIRED = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED
PATIENCE_S = 2.0  # of a node, and of who asks
KEPT_S = 30.0  # so long a certificate is not looked at again, however often somebody asks
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
LEAP_DAYS_BEFORE_1970 = 477
AT_A_TIME = 16  # who asks; more wait


def seconds_since_1970(text: str) -> int:
    """Of a time such as `Jun  4 00:58:00 2026 GMT`: ssl's own way needs modules that the image does not have."""
    month, day, clock, year, _ = text.split()
    number, before = MONTHS.index(month), int(year) - 1
    leap = int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0)
    leap_days = before // 4 - before // 100 + before // 400 - LEAP_DAYS_BEFORE_1970 + (leap and number > 1)
    days = 365 * (int(year) - 1970) + leap_days + DAYS_BEFORE[number] + int(day) - 1
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class Certificates:
    """Until when the certificates of the nodes are valid."""

    def __init__(self, folder: pathlib.Path, nodes: dict[str, str]) -> None:
        """`nodes`: host:port by name."""
        self._nodes = nodes if (folder / CA).exists() else {}
        self._until: dict[str, float] = {}
        self._looked = -KEPT_S
        self._one_at_a_time = asyncio.Lock()
        if self._nodes:
            self._context = ssl.create_default_context(cafile=str(folder / CA))
            self._context.check_hostname = False  # the CA is what counts: one certificate serves all nodes
            if (folder / CLIENT).exists():
                self._context.load_cert_chain(folder / CLIENT)

    async def until(self) -> dict[str, float]:
        """Seconds since 1970 by node: 0 where it is over, nothing of a node that cannot be asked."""
        async with self._one_at_a_time:
            if time.monotonic() - self._looked >= KEPT_S:
                found = await asyncio.gather(*(self._of(address) for address in self._nodes.values()))
                self._until = {name: at for name, at in zip(self._nodes, found, strict=True) if at is not None}
                self._looked = time.monotonic()
        return self._until

    async def _of(self, address: str) -> float | None:
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(PATIENCE_S):
                _, writer = await asyncio.open_connection(host, int(port), ssl=self._context)
        except ssl.SSLCertVerificationError as error:
            return 0.0 if error.verify_code == EXPIRED else None
        except (OSError, TimeoutError):
            return None
        shown = writer.get_extra_info("peercert")
        writer.transport.abort()
        return float(seconds_since_1970(shown["notAfter"]))


def last_backup(file: pathlib.Path | None) -> dict[str, float]:
    """When the last one was kept (0: none yet), how long it is to be to the next, and whether the last attempt failed.

    Empty where there are no backups, or nothing is said of them yet.
    """
    if file is None:
        return {}
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {
        "timestamp_seconds": float(told.get("at", 0)),
        "interval_seconds": float(told["every"]),
        "failed": float(bool(told.get("why"))),
    }


def page(size: int, free: int, until: dict[str, float], backup: dict[str, float]) -> str:
    """All figures in Prometheus' text format; bytes and seconds."""
    lines = [
        "# HELP redis_ha_disk_size_bytes Size of the file system that the volumes are on.",
        "# TYPE redis_ha_disk_size_bytes gauge",
        f"redis_ha_disk_size_bytes {size}",
        "# HELP redis_ha_disk_free_bytes What is free of it.",
        "# TYPE redis_ha_disk_free_bytes gauge",
        f"redis_ha_disk_free_bytes {free}",
    ]
    if until:
        lines += [
            "# HELP redis_ha_certificate_valid_until_seconds When the certificate ends that a node shows; 0: it has.",
            "# TYPE redis_ha_certificate_valid_until_seconds gauge",
            *(f'redis_ha_certificate_valid_until_seconds{{of="{name}"}} {at:.0f}' for name, at in until.items()),
        ]
    for name, value in backup.items():
        lines += [f"# TYPE redis_ha_backup_{name} gauge", f"redis_ha_backup_{name} {value:.0f}"]
    return "\n".join(lines) + "\n"


async def serve(address: str, folder: pathlib.Path, nodes: dict[str, str], backup: pathlib.Path | None) -> None:
    """Answer every HTTP request with the figures, until SIGTERM."""
    certificates = Certificates(folder, nodes)
    slots = asyncio.Semaphore(AT_A_TIME)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with slots, asyncio.timeout(3 * PATIENCE_S):
                await reader.readuntil(b"\r\n\r\n")
                disk = os.statvfs(folder)
                size, free = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
                text = page(size, free, await certificates.until(), last_backup(backup))
                head = (
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                    f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
                )
                writer.write((head + text).encode())
                await writer.drain()
        writer.close()

    host, _, port = address.rpartition(":")
    ended = asyncio.Event()
    # Process 1 gets no signal that it does not ask for.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with await asyncio.start_server(answer, host, int(port)):
        await ended.wait()


def check(address: str) -> bool:
    """Whether figures come from `address`."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(64).startswith(b"HTTP/1.1 200 ")


if __name__ == "__main__":
    if sys.argv[1] == "check":
        sys.exit(0 if check(sys.argv[2]) else 1)
    others = dict(word.split("=", 1) for word in sys.argv[4:])
    told = pathlib.Path(others.pop("backup")) if "backup" in others else None
    asyncio.run(serve(sys.argv[2], pathlib.Path(sys.argv[3]), others, told))
