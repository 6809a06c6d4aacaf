"""The stack's master, which data is put into."""

from backup.given import BackupError, Given, Place
from backup.redis import Client, at
from backup.snapshot import look

USER = "restore"


def master_of(given: Given) -> Place:
    """Raises BackupError unless exactly one node is master."""
    found, silent = [], []
    for place in given.nodes:
        try:
            if look(place, given, USER).role == "master":
                found.append(place)
        except BackupError as error:
            silent.append(str(error))
    if len(found) != 1:
        raise BackupError(f"{len(found)} nodes are master, one must be {'; '.join(silent)}".rstrip())
    return found[0]


def check_room(master: Client, memory: int, empty_first: bool) -> None:
    """Raises BackupError where the data does not fit: beside the present one, or in its place."""
    info = master.info("memory")
    limit, there = int(info["maxmemory"]), 0 if empty_first else int(info["used_memory"])
    if limit and there + memory > limit:
        raise BackupError(
            f"the data needs {memory} bytes beside the present {there}, and the limit is {limit}"
            + "; EMPTY_FIRST=1 drops the present data first, and is then not one step" * (not empty_first)
        )


def connect(given: Given, place: Place) -> Client:
    """To the master. Raises BackupError."""
    return at(place, given, USER)


def current(given: Given) -> Client:
    """To whoever is master now. Raises BackupError."""
    return connect(given, master_of(given))
