"""Time zone names as POSIX TZ strings, which need no zone files in the image."""

import importlib.resources


def posix_tz(name: str) -> str:
    """The POSIX TZ string of an IANA time zone, such as `CST-8` for `Asia/Shanghai`.

    It is the footer of the zone's TZif file (RFC 8536, section 3.3): the rule that holds for all
    times after the last listed change, so today's.

    Raises ValueError for an unknown zone.
    """
    parts = name.split("/")
    zone = importlib.resources.files("tzdata").joinpath("zoneinfo", *parts)
    if (
        not all(part.isidentifier() or part.replace("-", "").replace("+", "").isalnum() for part in parts)
        or not zone.is_file()
    ):
        raise ValueError("allowed: an IANA time zone such as UTC or Asia/Shanghai")
    data = zone.read_bytes()
    if not data.startswith(b"TZif"):
        raise ValueError("allowed: an IANA time zone such as UTC or Asia/Shanghai")
    return data.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")
