"""What every command works with: project, stack, config, key and Docker; each fetched when first needed."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from engine.docker.hosts import Daemon, Hosts, open_daemon, unseen_daemon
from engine.docker.lock import Lock
from engine.errors import EXIT_STACK_NOT_FOUND, EngineError, WrongPassphraseError
from engine.files import config, project, salt_file
from engine.files.config import Config
from engine.files.secrets import Crypter, new_crypter, open_crypter, read_passphrase
from engine.files.stack_file import StackFile
from engine.run.context import Context, Excludes
from engine.run.interrupts import Interrupts
from engine.run.steps import Recorder
from engine.values.urns import STACK_TYPE, make_urn


class Workspace:
    """One command's view of one stack."""

    def __init__(self, directory: Path, stack: str | None, config_file: str | None = None) -> None:
        self.project = project.find_project(directory)
        self._stack_option = stack
        self._config_file = (directory / config_file).resolve() if config_file else None
        self.interrupts = Interrupts()
        self._crypter: Crypter | None = None
        self._new: tuple[str, Crypter] | None = None
        self._crypter_lock = threading.Lock()
        self._pool = ThreadPoolExecutor(2)
        self._locks: list[Lock] | None = None

    @cached_property
    def stack(self) -> str:
        """The stack's name; EngineError when there is no such stack."""
        name = project.selected_stack(self._stack_option)
        file = self._config_file or self.project.stack_file(name)
        if not file.is_file():
            known = ", ".join(project.stack_names(self.project)) or "none yet"
            where = f"no file {file}" if self._config_file else f"there are: {known}"
            raise EngineError(
                f"no stack named '{name}' found ({where}). Make it with `stack init {name}`.", EXIT_STACK_NOT_FOUND
            )
        return name

    @cached_property
    def file(self) -> StackFile:
        stack = self.stack
        return StackFile(self._config_file or self.project.stack_file(stack))

    @property
    def stack_id(self) -> str:
        return f"{self.project.name}/{self.stack}"

    @property
    def stack_urn(self) -> str:
        return make_urn(self.project.name, self.stack, "", STACK_TYPE, f"{self.project.name}-{self.stack}")

    def start(self, program: bool = False) -> None:
        """Begins what takes time and is needed later: the key (0.4 s) and the imports, of a `program` run too."""
        self.file  # noqa: B018 (errors about the stack come first)
        if self.salt:
            self._pool.submit(self.crypter)  # what fails is asked again, and reported, where it is needed
        self._pool.submit(_warm_up, program)

    @property
    def salt(self) -> str | None:
        """The stack file's, which came with the secrets in it; else the one that this machine has made."""
        return self.file.salt or salt_file.read(project.state_dir(self.project), self.stack)

    def crypter(self, store: bool = False) -> Crypter:
        """The stack's crypter. Without a salt yet: a new one, kept for this user when `store`.

        A run never writes to the stack file: that is shared, and the salt is of this user's passphrase.
        """
        with self._crypter_lock:
            if self._crypter is None:
                if not self.salt:
                    self._new = self._new or new_crypter(read_passphrase())
                    salt, crypter = self._new
                    if not store:
                        return crypter
                    if salt_file.make(project.state_dir(self.project), self.stack, salt):
                        self._crypter = crypter
                        return crypter
                self._crypter = self._opened(str(self.salt))
            return self._crypter

    def _opened(self, salt: str) -> Crypter:
        try:
            return open_crypter(salt, read_passphrase())
        except WrongPassphraseError as error:
            if self.file.salt:
                name, anew = self.file.path.name, salt_file.anew(self.file)
            else:
                name = str(salt_file.path_of(project.state_dir(self.project), self.stack))
                anew = "remove that file"
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
        return config.load(
            self.project.name,
            self.stack,
            self.file.config,
            self.project.schema,
            lambda value: self.crypter().decrypt(value),
        )

    def context(self, listener: Recorder, dry_run: bool, excludes: Excludes | None = None) -> Context:
        """What a run on this stack works with. Nothing is read yet."""
        return Context(
            self.project.name,
            self.stack,
            dry_run,
            self._hosts(dry_run),
            listener,
            self.interrupts,
            lambda: self.crypter(store=not dry_run),
            excludes or Excludes(),
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """No other run may work on the stack meanwhile, wherever it is started: each Docker is locked as it is read."""
        self._locks = []
        try:
            yield
        finally:
            self.unlock()

    def unlock(self) -> None:
        """Ends that; also on the way out of an interrupted run. EngineError when one could not be reached."""
        locks, self._locks = self._locks, None
        with ExitStack() as each:
            while locks:
                each.callback(locks.pop().give_back)

    def _hosts(self, dry_run: bool) -> Hosts:
        """The preview of an `up` is not blind: the update would fail."""
        blind = partial(unseen_daemon, self.stack_id) if dry_run and self._locks is None else None
        return Hosts(self._open, self.stack_id, blind, self._locks)

    def _open(self, inputs: Mapping[str, Any] | None) -> Daemon:
        from engine.docker.connect import connect, logins

        return open_daemon(connect(inputs), logins(inputs or {}), self.stack_id)


def _warm_up(program: bool) -> None:
    """The heavy imports that are needed in any case, while the key is being derived."""
    import docker.api  # noqa: F401
    import grpc  # noqa: F401

    if program:
        import pulumi  # noqa: F401
