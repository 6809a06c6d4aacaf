"""Who logs in to a stack, and what becomes of a command that is not theirs."""

from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from drills.target import clients
from drills.target.cluster import Cluster
from drills.target.stack import PROJECT, Stack
from redis_ha.outputs import Node
from redis_ha.plan.acl import endpoint_password, internal_password
from redis_ha.settings import generated

INTERNAL_USERS = ("replication", "sentinel", "handover")
Command = tuple[str, ...]


@dataclass(frozen=True)
class Credentials:
    """A stack's passwords: the application's, the system's, and the two that follow from that."""

    application: str = field(repr=False)
    system: str = field(repr=False)
    internal: str = field(repr=False)
    endpoint: str = field(repr=False, default="")

    @classmethod
    def of(cls, stack: Stack, cluster: Cluster) -> "Credentials":
        """As the stack has them now."""
        application = str(cluster.outputs.password)
        system = str(generated.read(PROJECT, stack.name)["systemPassword"])
        derived = (internal_password(application, system), endpoint_password(application, system))
        return cls(application, system, *derived)

    def all(self) -> tuple[str, ...]:
        """What may be seen nowhere."""
        return (self.application, self.system, self.internal, self.endpoint)

    def login(self, node: Node, user: str | None) -> Any:
        """A client of one node as `user`; None is a stranger, without a password."""
        if user is None:
            # RESP 3 begins with a HELLO, which a stranger is refused: none of its commands would ever be sent.
            return clients.direct(node.address, None, protocol=2)
        password = self.internal if user in INTERNAL_USERS else self.application
        if user == "endpoint":
            password = self.endpoint
        return clients.direct(node.address, password, username=user)


def answer(client: Any, command: Command) -> str:
    """What a node replies to a command, errors too, as a text. A fresh connection: the last one may have ended.

    AssertionError where it does not reply: that is neither allowed nor refused.
    """
    client.connection_pool.disconnect()
    try:
        connection = client.connection_pool.get_connection()
        try:
            # Without redis-py's own idea of the reply: some of these commands are not for clients at all.
            connection.send_command(*command)
            # In RESP 3 what a subscription is answered with is a push, which is skipped by default.
            return str(connection.read_response(push_request=True))
        finally:
            connection.disconnect()
            client.connection_pool.release(connection)
    except (RedisTimeoutError, TimeoutError) as error:
        raise AssertionError(f"no reply to {' '.join(command)}: {error}") from error
    except (RedisError, OSError) as error:
        return f"{type(error).__name__} {error}"


def is_refused(reply: str) -> bool:
    """Whether a reply says that the command or the login is not permitted. redis-py strips some of the codes."""
    error, _, text = reply.partition(" ")
    # DEBUG is off in Redis itself, which says so before it looks at the user.
    words = ("DEBUG command not allowed", "has no permissions", "NOPERM", "ACL failure")
    refusals = ("NoPermissionError", "AuthenticationError")
    return error in refusals or (error == "ResponseError" and any(word in text for word in words))
