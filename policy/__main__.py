"""The policy pack: `pulumi preview --policy-pack policy`, or `make policy`."""

from collections.abc import Callable, Iterator, Sequence

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from rules import Resource, Violation, hosts_apart, memory_limits, no_public_port, odd_sentinels, tls

Rule = Callable[[Sequence[Resource]], Iterator[Violation]]


def _policy(
    name: str, rule: Rule, stacks: list[str] | None = None, but: list[str] | None = None
) -> StackValidationPolicy:
    """One rule as a policy. `stacks`: those that it is for, by the beginning of their names; `but`: those left out.

    Both can be set by `--policy-pack-config`.
    """

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        found = [
            Resource(one.urn, one.resource_type, one.props, one.provider.urn if one.provider else None)
            for one in args.resources
        ]
        config = {"stacks": stacks, "but": but, **args.get_config()}
        stack = found[0].urn.split(":")[2] if found else ""
        if config["stacks"] and not stack.startswith(tuple(config["stacks"])):
            args.not_applicable(f"not for stack {stack}")
        if stack in (config["but"] or ()):
            args.not_applicable(f"not for stack {stack}")
        for one in rule(found):
            report(one.text, one.urn)

    names = {"type": "array", "items": {"type": "string"}}
    return StackValidationPolicy(
        name=name,
        description=" ".join((rule.__doc__ or "").split()),
        validate=validate,
        config_schema=PolicyConfigSchema(properties={"stacks": names, "but": names}),
    )


PolicyPack(
    name="redis-ha",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        _policy("no-public-port", no_public_port),
        _policy("tls", tls, stacks=["prod"]),
        _policy("odd-sentinels", odd_sentinels),
        _policy("hosts-apart", hosts_apart),
        _policy("memory-limits", memory_limits, but=["dev"]),
    ],
)
