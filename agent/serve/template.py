"""Configuration files: the image's template, then the settings' directives, then what only this container may read."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.serve.environment import CONFIGURATION, Environment, StartError

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z_0-9]*)")


def rendered(environment: Environment, template: str, values: Mapping[str, str]) -> list[str]:
    """The lines of a configuration. A line of the template that names an empty variable is left out."""
    lines = [*_filled(environment.etc / template, values), *_tls_lines(environment)]
    directives = environment.etc / "node" / "directives.conf"
    if directives.exists():
        lines += directives.read_text().splitlines()
    users = environment.etc / "node" / "users.acl"
    if users.exists():
        lines.append(f"aclfile {users}")
    return lines


def common_values(environment: Environment) -> dict[str, str]:
    """What both templates name."""
    port = str(environment.port)
    tls = environment.tls is not None
    return {
        "plain_port": "0" if tls else port,
        "tls_port": port if tls else "",
        "bind_address": environment.get("bind_address", "*"),
        "protected_mode": environment.get("protected_mode", "yes"),
        "data": str(environment.data),
        "announce_address": environment.announce,
        "announce_port": port if environment.announce else "",
    }


def setting(lines: Iterable[str], name: str, default: str = "") -> str:
    """The value of a directive, the last one where it is repeated."""
    found = default
    for line in lines:
        words = line.split(None, 1)
        if words and words[0].lower() == name:
            found = words[1].strip().strip('"') if len(words) > 1 else ""
    return found


def replace_file(path: Path, lines: Iterable[str]) -> None:
    """Write `lines` to `path`, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.write_text("".join(f"{line}\n" for line in lines))
    new.replace(path)


def _filled(template: Path, values: Mapping[str, str]) -> Iterable[str]:
    try:
        text = template.read_text()
    except OSError as error:
        raise StartError(CONFIGURATION, f"cannot read {template}: {error.strerror}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        names = _VARIABLE.findall(line)
        unknown = [name for name in names if name not in values]
        if unknown:
            raise StartError(CONFIGURATION, f"{template}, line {number}: nothing is known as ${unknown[0]}")
        if all(values[name] for name in names):
            yield _VARIABLE.sub(lambda match: values[match[1]], line)


def _tls_lines(environment: Environment) -> list[str]:
    """For clients, replication and Sentinels alike. Clients need no certificate, unless a later directive says so."""
    if environment.tls is None:
        return []
    ca, cert, key = environment.tls
    return [
        f"tls-ca-cert-file {ca}",
        f"tls-cert-file {cert}",
        f"tls-key-file {key}",
        "tls-replication yes",
        "tls-auth-clients no",
    ]
