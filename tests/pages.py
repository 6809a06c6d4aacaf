"""What the README and the pages say to type: command lines, as they stand there."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
"""The pages whose every command tests/deploy runs. Those of examples have tests of their own."""

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = {
    "docker exec redis-ha-STACK-backup redis-ha-backup stop import": (
        "tests/deploy/data/test_import_stopped.py",
        '["redis-ha-backup", "stop", "import"]',
    ),
    "make test": (".ci/run", "make --no-print-directory test\n"),
    "make lint": (".ci/run", "make --no-print-directory lint\n"),
    "make test-hosts": (".github/workflows/deploy.yml", "make test-hosts"),
    # These two are tests, all of a folder.
    "make test-monitoring": ("Makefile", "-m pytest tests/monitoring"),
    "make test-clients": ("Makefile", "-m pytest tests/clients"),
    "make bench": ("tests/deploy/failures/test_bench.py", '"drills.bench"'),
    "make bench ARGS='hand-over --runs 10'": ("tests/deploy/failures/test_bench.py", '"drills.bench"'),
    # Three roll-outs more, with clients that write all the time.
    "make rotate WHAT=system STACK=prod": ("tests/deploy/security/test_rotation.py", '_rotate(stack, "system")'),
    "make to-pulumi STACK=prod": ("tests/engines/test_to_pulumi.py", '"ops.to_pulumi"'),
    "pip install ./components": ("tests/program/test_package.py", 'ROOT / "components"'),
    'pip install "redis-ha @ git+https://HOST/PROJECT.git#subdirectory=components"': (
        "tests/program/test_package.py",
        "redis-ha @ git+http://{place}/project.git#subdirectory=components",
    ),
    "pulumi package add .../components": ("tests/engines/test_languages.py", '"package", "add"'),
    "python -m redis_ha.docker.nobody pulumi preview": ("tests/program/test_nobody.py", '"redis_ha.docker.nobody"'),
    "pulumi preview --policy-pack policy": ("tests/engines/test_policy.py", '"--policy-pack", "policy"'),
    "pulumi preview --policy-pack path/to/policy": ("tests/preview/test_policy.py", '"--policy-pack", pack'),
    # Over several hosts.
    "make up EXCLUDE=b": ("tests/hosts/test_changes.py", '"--exclude", f"**.{dead}"'),
    "make destroy EXCLUDE=b": (
        "tests/unit/engine/test_providers.py",
        "def test_destroy_takes_all_hosts_or_leaves_one_out",
    ),
    ".venv/bin/python -m tests.hosts.rig up": ("tests/hosts/conftest.py", "hosts.up()"),
}
"""Commands that another test or CI runs: the file, and what of it runs the command, or what that calls."""

NAMED = {
    "./pulumiw ARGS": "any",
    "pulumi ARGS": "any",
    "docker run": "what others do",
    "docker buildx": "what others do",
    "pulumi import": "what is not done",
    "pulumi stack import": "what make to-pulumi does",
    "pulumi stack rename": "of Pulumi's own state",
    "./pulumiw stack --show-urns": "of Pulumi's own state, after a host is lost",
    "./pulumiw state delete --target-dependents 'URN'": "of Pulumi's own state, after a host is lost",
    "ssh user@host docker version": "no test has a host with ssh",
    "docker volume rm redis-ha-STACK-redis redis-ha-STACK-sentinel": "of a Swarm",
}
"""Commands that no test runs, and why."""

# What a line of shell begins with here; by itself it is a program's name, and no command.
_PROGRAMS = r"(?:make|\./pulumiw|pulumi|(?:\.venv/bin/)?python|pip|npm|docker|ssh|git)"
_INLINE = re.compile(rf"`({_PROGRAMS} [^`]+)`")
# Of a block that is not shell: what a workflow runs, and what a comment says to type.
_WITHIN = re.compile(rf"(?:\brun: |# *)({_PROGRAMS} .+)")
_COMMENT = re.compile(r"\s+#.*$")


def lines(text: str) -> list[str]:
    """The command lines of a page, without the comments behind them and with single spaces."""
    return [re.sub(r" +", " ", one) for one in _found(text)]


def _found(text: str) -> Iterator[str]:
    for kind, block in FENCE.findall(text):
        if kind == "sh":
            yield from filter(None, (_COMMENT.sub("", line).strip() for line in block.splitlines()))
        else:
            yield from (one.strip() for one in _WITHIN.findall(block))
    yield from _INLINE.findall(FENCE.sub("", text))
