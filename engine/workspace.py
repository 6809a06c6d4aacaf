"""What every command works with: project, stack, config, key and Docker; each fetched when first needed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import cast

from engine.docker.connect import Client
from engine.docker.hosts import Hosts, handlers_by, open_daemon
from engine.docker.lock import Lock
from engine.errors import EXIT_STACK_NOT_FOUND, EngineError, WrongPassphraseError
from engine.files import config, project
from engine.files.config import Config
from engine.files.secrets import Crypter, keep_salt, new_crypter, open_crypter, read_passphrase, read_salt
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
        self._salted: tuple[str, Crypter] | None = None
        """The stack's crypter, and the salt that it is of."""
        self._crypter_lock = threading.Lock()
        self._pool = ThreadPoolExecutor(2)
        self._locks: list[Lock] | None = None

    @cached_property
    def stack(self) -> str:
        """The stack's name; EngineError when there is no such stack."""
        name = project.selected_stack(self._stack_option)
        file = self._config_file or self.project.stack_file(name)
        if not file.is_file():
            message = f"no stack named '{name}' found: there is no {file}. Make it with `stack init {name}`."
            raise EngineError(message, EXIT_STACK_NOT_FOUND)
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
        return self.file.salt or read_salt(self.salt_file)

    @property
    def salt_file(self) -> Path:
        return self.project.salt_file(self.stack)

    def crypter(self, store: bool = False) -> Crypter:
        """The stack's crypter. Without a salt yet: a new one, kept for this user when `store`.

        A run never writes to the stack file: that is shared, and the salt is of this user's passphrase.
        """
        with self._crypter_lock:
            salt = self.salt
            if self._salted is None or salt not in (None, self._salted[0]):
                self._salted = (salt, self._opened(salt)) if salt else new_crypter(read_passphrase())
            if store and not salt and not keep_salt(self.salt_file, self._salted[0]):
                made = str(self.salt)  # by a run that was quicker
                self._salted = made, self._opened(made)
            return self._salted[1]

    def _opened(self, salt: str) -> Crypter:
        try:
            return open_crypter(salt, read_passphrase())
        except WrongPassphraseError as error:
            name, anew = str(self.salt_file), "remove that file"
            if self.file.salt:
                name = self.file.path.name
                keys = ["encryptionsalt", *(key for key, value in self.file.config.items() if config.is_secure(value))]
                anew = f"remove {' and '.join(keys)} from {name} and set the secrets again"
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
        return config.load(self.project, self.stack, self.file.config, lambda value: self.crypter().decrypt(value))

    def context(self, listener: Recorder, dry_run: bool, excludes: Excludes | None = None) -> Context:
        """What a run on this stack works with. Nothing is read yet."""
        # Not blind is the preview of an `up`, which would fail.
        blind = handlers_by(cast(Client, None), {}) if dry_run and self._locks is None else None
        hosts = Hosts(partial(open_daemon, self.stack_id), self.stack_id, blind, self._locks)
        crypter, name = partial(self.crypter, not dry_run), self.project.name
        return Context(name, self.stack, dry_run, hosts, listener, self.interrupts, crypter, excludes or Excludes())

    def everything(self, listener: Recorder, excludes: Excludes | None = None, *, whole: bool = True) -> Context:
        """What a command works with that does not run the program: all that Docker holds of the stack is read."""
        from engine.run.learn import read_everything

        self.start()
        context = self.context(listener, False, excludes)
        read_everything(context, self.project, lambda: self.config, whole=whole)
        return context

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


def _warm_up(program: bool) -> None:
    """The heavy imports that are needed in any case, while the key is being derived."""
    import docker.api  # noqa: F401
    import grpc  # noqa: F401

    if program:
        import pulumi  # noqa: F401
