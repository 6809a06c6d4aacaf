"""Errors that are meant for the user: one clear message, never a stack trace."""

EXIT_FAILURE = 1
EXIT_CONFIGURATION = 2
EXIT_STACK_NOT_FOUND = 6
EXIT_NO_CHANGES = 7
"""`--expect-no-changes` and there were some. These codes are the Pulumi CLI's own."""
EXIT_CANCELLED = 8
EXIT_INTERRUPTED = 130


class EngineError(Exception):
    """A failure whose message says what is wrong, with what, and what to do."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILURE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NotDone(EngineError):  # noqa: N818
    """What Pulumi does and this engine does not: refused by name."""

    def __init__(self, what: str, more: str = "") -> None:
        super().__init__(f"{what} is not implemented by the embedded engine{more}")


class WrongPassphraseError(EngineError):
    """What was encrypted with a passphrase is to be read with another one."""


class Unreachable(EngineError):  # noqa: N818
    """Docker does not answer: the one cause of however many failures."""


class Reported(EngineError):  # noqa: N818
    """A failure whose message has been shown in full: only its exit code is left to give."""


class Interrupted(EngineError):  # noqa: N818
    """The user interrupted the run while a long step was under way."""
