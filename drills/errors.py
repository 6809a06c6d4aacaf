"""What can go wrong with a drill, as messages for the person who started it."""


class DrillError(Exception):
    """Something a user can act on: shown as one line, never as a stack trace."""


class WaitTimeoutError(DrillError):
    """A condition did not come true in time."""
