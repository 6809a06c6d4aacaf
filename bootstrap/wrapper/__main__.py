"""`./pulumiw ARGS` is `pulumi ARGS` with this project's pinned tools. See that file for the environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bootstrap import hosts
from bootstrap.wrapper import arguments, stack_file, user
from bootstrap.wrapper.arguments import DESTROY, OF_A_STACK, PREVIEW, REFRESH, UP, Asked

ROOT = Path(__file__).resolve().parents[2]
RUNS_THE_PROGRAM = UP | PREVIEW | REFRESH


def say(text: str) -> None:
    """To stderr, so that `pulumiw stack output ... > file` stays clean."""
    sys.stderr.write(f"{text}\n")


def die(text: str) -> NoReturn:
    """Say why, and end."""
    say(f"error: {text}")
    raise SystemExit(1)


class Run:
    """One call of `./pulumiw`."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.asked: Asked = arguments.read(words)
        self.stack = self._stack()
        self.name = self.stack.rpartition("/")[2]
        self.file = Path(self.asked.config_file or f"Pulumi.{self.name}.yaml")
        self.document = stack_file.load(self.file) if self.stack else {}
        self.settings = stack_file.settings(self.document)
        self._hosts: list[dict[str, object]] | None = None
        if self.asked.excluded:
            # A host that is left out as a whole is made known to the program, which Pulumi does not do.
            os.environ["REDIS_HA_EXCLUDE"] = " ".join([os.environ.get("REDIS_HA_EXCLUDE", ""), *self.asked.excluded])

    def _stack(self) -> str:
        """Empty for a command that is about none. Without --stack, PULUMI_STACK or a selected one, it is dev."""
        if self.asked.command not in OF_A_STACK:
            return ""
        if not self.asked.stack and not os.environ.get("PULUMI_STACK"):
            os.environ["PULUMI_STACK"] = user.selected_stack(ROOT) or "dev"
        return self.asked.stack or os.environ["PULUMI_STACK"]

    def on_each_host(self, *command: str, quiet: bool = False) -> str:
        """What a command prints that is run for the stack's Docker, or for that of each of its hosts.

        `quiet`: its complaints are nobody's business; else one that fails ends this.
        """
        if self._hosts is None:
            there = bool(self.name) and "hosts" in self.settings
            self._hosts = hosts.hosts_of(self.stack, self.asked.config_file) if there else []
        code, printed = hosts.run_on_each(self._hosts, command, quiet=quiet)
        if code and not quiet:
            raise SystemExit(code)
        return printed

    def setting(self, key: str) -> str:
        """What this run sets, else the stack's file, in plain text; empty when nothing does."""
        value = self.asked.setting(key) or self.settings.get(key)
        return "" if value is None or isinstance(value, dict) else str(value)

    def choose_engine(self) -> str:
        """The Pulumi CLI's path, or nothing for the embedded engine, with the reason said. One engine per machine."""
        choice = os.environ.get("REDIS_HA_ENGINE", "")
        cli, why = "", "REDIS_HA_ENGINE=embedded"
        if choice != "embedded":
            cli = subprocess.run(["bootstrap/pulumi-cli"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
            why = "no Pulumi CLI on the PATH, and none can be fetched"
        if choice == "pulumi" and not cli:
            die("REDIS_HA_ENGINE=pulumi, but pulumi is not on the PATH and cannot be fetched")
        # The CLI has its own state, and would stumble over what the embedded engine has made.
        if not choice and cli and self.name:
            self.start_docker()  # one that is stopped has nothing of the embedded engine's to show
            made, given = (
                f"label=pulumi.embedded.{what}={stack_file.PROJECT}/{self.name}" for what in ("stack", "given")
            )
            if self.on_each_host("docker", "ps", "-aq", "--filter", made, quiet=True) and not self.on_each_host(
                "docker", "volume", "ls", "-q", "--filter", given, quiet=True
            ):
                cli = ""
                why = f"it has deployed stack {self.name}; to change: make to-pulumi STACK={self.name}"
        if not cli:
            say(f"engine: embedded ({why})")
        return cli

    def prepare(self) -> None:
        """Docker, and the base images that the stack wants. A preview needs neither."""
        if self.asked.command in PREVIEW:
            return
        if self.asked.command in RUNS_THE_PROGRAM:
            self.on_each_host("bootstrap/base-image", self.setting("baseImage") or "redis:8-alpine")
            if self.setting("endpoint").lower() == "true":
                self.on_each_host("bootstrap/base-image", self.setting("endpointImage") or "haproxy:3.0-alpine")
            if self.setting("metrics").lower() == "true":
                image = self.setting("exporterImage") or "oliver006/redis_exporter:v1.69.0-alpine"
                self.on_each_host("bootstrap/base-image", image)
            if "backup" in self.settings:
                self.on_each_host("bootstrap/base-image", self.setting("resticImage") or "restic/restic:0.18.0")
        else:
            self.start_docker()

    def start_docker(self) -> None:
        """A machine that has had Docker may have it stopped."""
        changes = self.asked.command in (RUNS_THE_PROGRAM | DESTROY) - PREVIEW
        if changes and "hosts" not in self.settings and shutil.which("dockerd"):
            code = subprocess.run(["bootstrap/docker"], check=False).returncode
            if code:
                raise SystemExit(code)

    def for_the_cli(self, cli: str) -> None:
        """What Pulumi's own CLI needs told: see stack_file."""
        os.environ.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
        user.default_backend(ROOT)
        if not self.stack:
            return
        # A stack that another clone or machine has made: its secrets are those of its state.
        os.environ.setdefault("PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER", "true")
        init = self.asked.words[:2] == ("stack", "init") and self.file.is_file()
        makes = self.asked.command in RUNS_THE_PROGRAM
        if not (makes or init or self.asked.command in DESTROY):
            return
        shared = not stack_file.keeps_secrets(self.document)
        if shared and makes:
            self._keep_settings(cli)
        copy = stack_file.copy_for_cli(ROOT, self.file, self.document, self.name)
        if makes:
            words = ("stack", "init", "--stack", self.stack, "--no-select", "--non-interactive")
            subprocess.run([cli, *words], cwd=copy.parent, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if init and shared:
            done = subprocess.run([cli, *_with_options(self.words, "--no-select")], cwd=copy.parent, check=False)
            if done.returncode or not self.asked.select:
                raise SystemExit(done.returncode)
            self.words = ["stack", "select", "--stack", self.stack]
        elif shared:
            self.words = _with_options(self.words, "--config-file", str(copy))

    def _keep_settings(self, cli: str) -> None:
        """`--config KEY=VALUE` is for the stack's own file too, as it is without a copy."""
        own = ["--config-file", str(self.file)] if self.asked.config_file else []
        for each in self.asked.settings:
            key, _, value = each.partition("=")
            words = ["config", "set", "--stack", self.stack, "--plaintext", *own, "--", key, value]
            done = subprocess.run([cli, *words], stdin=subprocess.DEVNULL, check=False)
            if done.returncode:
                raise SystemExit(done.returncode)

    def stand_for_docker(self) -> None:
        """A preview needs none; but Docker's provider wants somebody to answer it."""
        of_hosts = "hosts" in self.settings and self.setting("swarm").lower() != "true"
        if self.asked.command not in PREVIEW or of_hosts:  # each host has a provider of its own: the program's part
            return
        from redis_ha.docker import nobody  # it takes slow packages, and Pulumi's CLI alone has need of it

        nobody.where_none_is()

    def look_at_blank_hosts(self) -> None:
        """Pulumi believes what its state says. A host with nothing of the stack may have come back blank."""
        if self.asked.command not in UP | PREVIEW or "hosts" not in self.settings:
            return
        nodes = ("docker", "ps", "-aq", "--filter", f"label=redis-ha.stack={self.name}")
        script = '[ -n "${REDIS_HA_DRAINED:-}$("$@")" ] || echo "$REDIS_HA_HOST"'
        empty = self.on_each_host("sh", "-c", script, "sh", *nodes, quiet=True).split()
        if empty and self.on_each_host(*nodes, quiet=True):
            say(f"nothing of stack {self.name} on {' '.join(empty)}: looking at what is really there (--refresh)")
            self.words = _with_options(self.words, "--refresh")


def _with_options(words: Sequence[str], *options: str) -> list[str]:
    """Before `--`, where the arguments of the program begin."""
    end = list(words).index("--") if "--" in words else len(words)
    return [*words[:end], *options, *words[end:]]


def main(words: Sequence[str]) -> NoReturn:
    """Prepare, then be the engine: signals and the exit code are its own."""
    os.chdir(ROOT)
    choice = os.environ.get("REDIS_HA_ENGINE", "")
    if choice not in ("", "pulumi", "embedded"):
        die(f"REDIS_HA_ENGINE='{choice}': allowed are pulumi and embedded")
    run = Run(words)
    if said := user.passphrase():
        say(said)
    cli = run.choose_engine()
    if run.stack:
        run.prepare()
    if cli:
        run.for_the_cli(cli)
        run.look_at_blank_hosts()
        run.stand_for_docker()
        os.execv(cli, [cli, *run.words])  # noqa: S606 - no shell is wanted
    from engine.__main__ import run as engine

    engine(run.words)


if __name__ == "__main__":
    main(sys.argv[1:])
