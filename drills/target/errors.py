"""What can go wrong with a drill, as messages for the person who started it, and how it ends before its time."""

import signal


class DrillError(Exception):
    """Something a user can act on: shown as one line, never as a stack trace."""


class WaitTimeoutError(DrillError):
    """A condition did not come true in time."""


def end_as_by_ctrl_c() -> None:
    """Let a polite end (SIGTERM, SIGHUP) be one like Ctrl-C: every fault undoes itself on the way out."""
    for polite in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(polite) != signal.SIG_IGN:  # which is what `nohup` is for
            signal.signal(polite, signal.default_int_handler)
