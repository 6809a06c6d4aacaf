"""What every command works with: the project, the stack and its config, and Docker; each fetched when first needed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import configschema, project, saltfile
from engine.configschema import Config
from engine.crypto import Crypter, new_crypter, open_crypter, read_passphrase
from engine.daemons import Daemon, Daemons
from engine.errors import EXIT_STACK_NOT_FOUND, EngineError, WrongPassphraseError
from engine.interrupts import Interrupts
from engine.inventory import handlers
from engine.journal import Journal
from engine.provider_steps import recall
from engine.selection import Selection
from engine.stackfile import StackFile, full_key

if TYPE_CHECKING:
    from docker.api import APIClient


class Session:
    """One command's view of one stack."""

    def __init__(self, directory: Path, stack: str | None, config_file: str | None = None) -> None:
        self.project = project.find_project(directory)
        self._stack_option = stack
        self._config_file = Path(config_file) if config_file else None
        self.interrupts = Interrupts()
        self._crypter: Crypter | None = None
        self._crypter_lock = threading.Lock()
        self._pool = ThreadPoolExecutor(2)
        self._early: Future[None] | None = None

    @cached_property
    def stack(self) -> str:
        """The stack's name; EngineError when there is no such stack."""
        name = project.selected_stack(self.project, self._stack_option)
        if not (self._config_file or self.project.stack_file(name)).is_file():
            known = ", ".join(project.stack_names(self.project)) or "none yet"
            raise EngineError(
                f"no stack named '{name}' found (there are: {known}). Make it with `stack init {name}`.",
                EXIT_STACK_NOT_FOUND,
            )
        return name

    @cached_property
    def file(self) -> StackFile:
        stack = self.stack
        return StackFile(self._config_file or self.project.stack_file(stack))

    def set_config(self, key: str, value: str) -> None:
        """Saves a plain config value, as `--config KEY=VALUE` asks for."""
        self.file.set_value(full_key(self.project.name, key), (), value)

    @property
    def stack_id(self) -> str:
        return f"{self.project.name}/{self.stack}"

    @property
    def stack_urn(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project.name}::pulumi:pulumi:Stack::{self.project.name}-{self.stack}"

    def start(self, program: bool = False) -> None:
        """Begins what takes time and is needed later: the key (0.4 s) and the imports, of a `program` run too."""
        self.file  # noqa: B018 (errors about the stack come first)
        if self.salt:
            self._pool.submit(self._try_crypter)
        self._pool.submit(_warm_up, program)

    def _try_crypter(self) -> None:
        try:
            self.crypter()
        except EngineError:
            return  # asked again, and reported, where it is needed

    @property
    def salt(self) -> str | None:
        """The stack file's, which came with the secrets in it; else the one that this machine has made."""
        return self.file.salt or saltfile.read(self.state_dir, self.stack)

    def crypter(self, store: bool = False) -> Crypter:
        """The stack's crypter. Without a salt yet: a new one, kept beside the journal when `store`.

        A run never writes to the stack file: that is shared, and the salt is of this user's passphrase.
        """
        with self._crypter_lock:
            if self._crypter is None:
                passphrase = read_passphrase(self.stack)
                if not self.salt:
                    salt, crypter = new_crypter(passphrase)
                    if not store:
                        return crypter
                    if saltfile.make(self.state_dir, self.stack, salt):
                        self._crypter = crypter
                        return crypter
                self._crypter = self._opened(str(self.salt), passphrase)
            return self._crypter

    def _opened(self, salt: str, passphrase: str) -> Crypter:
        try:
            return open_crypter(salt, passphrase)
        except WrongPassphraseError as error:
            if self.file.salt:
                name, anew = self.file.path.name, saltfile.anew(self.file)
            else:
                name, anew = str(saltfile.path_of(self.state_dir, self.stack)), "remove that file"
            raise WrongPassphraseError(
                f"{error}: {name} was made with another one. Two ways out: set PULUMI_CONFIG_PASSPHRASE or "
                f"PULUMI_CONFIG_PASSPHRASE_FILE to that passphrase; or {anew}"
            ) from None

    def encrypting(self) -> Crypter:
        """The crypter for a secret that goes into the stack file; the salt goes there with it."""
        crypter = self.crypter(store=True)
        if not self.file.salt:
            self.file.set_salt(str(self.salt))
        return crypter

    @cached_property
    def config(self) -> Config:
        """The stack's config, decrypted, merged with the project's and checked."""
        return configschema.load(
            self.project.name,
            self.stack,
            self.file.config,
            self.project.schema,
            lambda value: self.crypter().decrypt(value),
        )

    @cached_property
    def client(self) -> APIClient:
        from engine.providers.docker_client import connect

        host = self.file.config.get("docker:host")
        others = [key for key in self.file.config if key.startswith("docker:") and key != "docker:host"]
        if others:
            raise EngineError(f"config '{others[0]}' is not implemented by the embedded engine (docker:host is)")
        return connect(str(host) if host else None)

    def daemons(self, selection: Selection) -> Daemons:
        """What the default Docker holds of the stack, and those that the last update's providers named, now."""
        daemons = Daemons(self._open, self.stack_id)
        recall(daemons, self.journal, self.crypter, selection)
        return daemons

    def _open(self, inputs: Mapping[str, Any] | None) -> Daemon:
        from engine.providers.docker_client import connect_to, logins

        client = self.client if inputs is None else connect_to(inputs)
        return Daemon(handlers(client, logins(inputs or {})), lambda: str(client.info()["ID"]))

    @cached_property
    def journal(self) -> Journal:
        return Journal(project.state_dir(self.project), self.stack)

    @property
    def state_dir(self) -> Path:
        return project.state_dir(self.project)


def _warm_up(program: bool) -> None:
    """The heavy imports that are needed in any case, while the key is being derived."""
    import docker.api  # noqa: F401
    import grpc  # noqa: F401

    if program:
        import pulumi  # noqa: F401
