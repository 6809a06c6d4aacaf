"""Files that go into a container before it starts."""

from __future__ import annotations

import base64
import binascii
import io
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import EngineError


def upload_archive(uploads: list[Mapping[str, Any]]) -> bytes:
    """A tar of the uploads for `/`: root-owned, 0644 (0744 when executable) unless `permissions` says otherwise."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in uploads:
            content = upload_content(item)
            info = tarfile.TarInfo(str(item["file"]))
            info.size = len(content)
            info.mtime = int(time.time())
            if item.get("permissions"):
                info.mode = int(str(item["permissions"]), 8)
            else:
                info.mode = 0o744 if item.get("executable") else 0o644
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def upload_content(item: Mapping[str, Any]) -> bytes:
    """The bytes of one upload; EngineError when its source cannot be read."""
    if item.get("content"):
        return str(item["content"]).encode()
    if item.get("contentBase64"):
        try:
            return base64.b64decode(item["contentBase64"], validate=True)
        except binascii.Error as error:
            raise EngineError(f"upload '{item.get('file')}': contentBase64 is not base64") from error
    try:
        return Path(str(item["source"])).read_bytes()
    except OSError as error:
        raise EngineError(f"upload '{item.get('file')}': could not read file: {error}") from error
