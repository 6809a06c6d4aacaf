"""All that status can complain of. What to do about each is in docs/operate.md, by the same words."""

import string
from dataclasses import dataclass
from enum import Enum, IntEnum


class Health(IntEnum):
    """The exit codes."""

    HEALTHY = 0
    DEGRADED = 1
    DOWN = 2
    UNKNOWN = 3


class Message(Enum):
    """How bad it is, and the words; what stands in braces is filled in."""

    NO_DOCKER = (Health.UNKNOWN, "neither Docker nor any node answers: {why}")
    NOTHING_RUNS = (Health.DOWN, "no container of this stack is there: make up STACK={stack}")
    NO_OUTPUTS = (Health.DEGRADED, "the stack's outputs cannot be read, so no node has been asked: {why}")
    SILENT_DOCKER = (Health.DEGRADED, "Docker{host} does not answer: {why}")

    NO_MASTER = (Health.DOWN, "no node is master: writes are impossible")
    TWO_MASTERS = (Health.DOWN, "{nodes} are masters at the same time: what one of them takes will be lost")
    HELD_BACK = (Health.DOWN, "master {node} holds writes back: it does not hear most of the Sentinels")
    HAND_OVER = (Health.DEGRADED, "master {node} holds writes back for a moment: it hands over")
    NO_REPLICA_IN_SYNC = (Health.DOWN, "master {node} refuses writes: no replica is in sync (durability: consistent)")
    CANNOT_STORE = (Health.DOWN, "master {node} refuses writes: it cannot write to its disk")
    FULL = (Health.DOWN, "master {node} refuses writes: its memory is full ({share} of {limit})")

    NO_CONTAINER = (Health.DEGRADED, "{node} has no container")
    NOT_RUNNING = (Health.DEGRADED, "{node} is {status}")
    AGENT_NEW = (Health.DEGRADED, "{node}: its agent has not said anything yet")
    AGENT_SILENT = (Health.DEGRADED, "{node}: its agent has said nothing for {age} s; before: {why}")
    NOT_JOINED = (Health.DEGRADED, "{node} has not joined: {why}")
    NO_ANSWER = (Health.DEGRADED, "{node} does not answer at {address}: {why}")
    LINK_DOWN = (Health.DEGRADED, "{node}: its link to the master is down")
    OTHER_MASTER = (Health.DEGRADED, "{node} follows {address}, which is not the master")
    LAGS = (Health.DEGRADED, "{node} is {lag} s behind the master")
    REPLICA_CANNOT_STORE = (Health.DEGRADED, "{node} cannot write to its disk")
    NEARLY_FULL = (Health.DEGRADED, "{node}: its memory is nearly full ({share} of {limit})")
    NO_CANDIDATE = (Health.DEGRADED, "no replica could take over from {node} now")
    VERSIONS = (Health.DEGRADED, "the data nodes run different versions: {versions}")

    NO_MAJORITY = (Health.DEGRADED, "no failover is possible: {answering} of {all} Sentinels answer, {needed} must")
    NAMES_OTHER = (Health.DEGRADED, "{node} names {address} as the master instead of {master}")
    TILT = (Health.DEGRADED, "{node} is in TILT: it stood still, and does not act for some seconds")
    FAILING_OVER = (Health.DEGRADED, "a failover is under way, says {node}")
    TAKEN_FOR_DOWN = (Health.DEGRADED, "{node} takes the master for down")
    KNOWS_OTHERS = (Health.DEGRADED, "{node} knows {replicas} replicas and {sentinels} Sentinels instead of {declared}")

    ENDPOINT = (Health.DEGRADED, "{node} is {health}: clients that use it may not get through")
    NO_BACKUPS = (Health.DEGRADED, "{node} is {status}: no backups are taken")
    BACKUP_FAILED = (Health.DEGRADED, "the last backup has failed: {why}")
    BACKUP_OLD = (Health.DEGRADED, "the last backup is {age} old")
    EXPIRED = (Health.DOWN, "the certificate of {of} has expired: no new connection is made")
    EXPIRES = (Health.DEGRADED, "the certificate of {of} expires in {days} days")

    @property
    def level(self) -> Health:
        """How bad it is."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The words, with braces."""
        return self.value[1]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    message: Message
    text: str

    @property
    def level(self) -> Health:
        """How bad it is."""
        return self.message.level


def find(message: Message, **words: object) -> Finding:
    """The message with its braces filled in. Raises KeyError when a word is missing."""
    return Finding(message, string.Formatter().vformat(message.text, (), words))
