"""Pulumi's names of resources: `urn:pulumi:STACK::PROJECT::PARENT_TYPES$TYPE::NAME`."""

STACK_TYPE = "pulumi:pulumi:Stack"


def make_urn(project: str, stack: str, parent: str, kind: str, name: str) -> str:
    """Pulumi's URN; the stack itself does not show in its children's types."""
    above = parent and parent.split("::")[2]
    prefix = "" if above in ("", STACK_TYPE) else f"{above}$"
    return f"urn:pulumi:{stack}::{project}::{prefix}{kind}::{name}"


def urn_type(urn: str) -> str:
    """`docker:index/container:Container` of a URN (without the parents' types)."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def urn_name(urn: str) -> str:
    """The resource name of a URN."""
    return urn.split("::", 3)[3]


class Named:
    """What has a URN."""

    urn: str

    @property
    def type(self) -> str:
        return urn_type(self.urn)

    @property
    def name(self) -> str:
        return urn_name(self.urn)


def display_type(token: str) -> str:
    """`docker:index:Container`, as Pulumi prints the token `docker:index/container:Container`."""
    parts = token.split(":")
    return f"{parts[0]}:{parts[1].split('/')[0]}:{parts[2]}" if len(parts) == 3 else token
