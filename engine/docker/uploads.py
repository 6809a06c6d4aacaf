"""Files that go into a container before it starts."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any


def upload_archive(uploads: list[Mapping[str, Any]]) -> bytes:
    """A tar of the uploads for `/`: root-owned, 0644 unless `permissions` says otherwise."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in uploads:
            content = str(item["content"]).encode()
            info = tarfile.TarInfo(str(item["file"]))
            info.size = len(content)
            info.mtime = int(time.time())
            info.mode = int(str(item.get("permissions") or "0644"), 8)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
