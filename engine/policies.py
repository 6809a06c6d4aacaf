"""`preview --policy-pack FOLDER`: Pulumi's policy packs in Python, asked as Pulumi's own engine asks them."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.run.declared import Declared
from engine.run.steps import Diagnostic
from engine.values.wire import to_wire

FILE = "PulumiPolicy.yaml"
LONGEST_ANSWER = 60
"""Seconds."""


def judge(folder: Path, declared: Iterable[Declared], project: str, stack: str) -> list[Diagnostic]:
    """What the pack says of the resources. EngineError where it cannot be run or does not answer."""
    import grpc
    from pulumi.runtime.proto import analyzer_pb2

    resources = list(declared)
    providers = {one.urn: one for one in resources if one.is_provider}

    def said(one: Declared) -> dict[str, Any]:
        return {"type": one.type, "properties": to_wire(one.inputs), "urn": one.urn, "name": one.name}

    def told(kind: Any, one: Declared, **more: Any) -> Any:
        at = providers.get(one.provider)
        provider = analyzer_pb2.AnalyzerProviderResource(**said(at)) if at else None
        options = analyzer_pb2.AnalyzerResourceOptions(protect=bool(one.protect), parent=one.parent)
        return kind(**said(one), options=options, provider=provider, **more)

    kind = analyzer_pb2.AnalyzerResource
    whole = [told(kind, one, parent=one.parent, dependencies=one.dependencies) for one in resources]
    try:
        with _asked(folder, project, stack) as pack:
            answers = [
                pack.Analyze(told(analyzer_pb2.AnalyzeRequest, one), timeout=LONGEST_ANSWER) for one in resources
            ]
            everything = analyzer_pb2.AnalyzeStackRequest(resources=whole)
            answers.append(pack.AnalyzeStack(everything, timeout=LONGEST_ANSWER))
    except grpc.RpcError as error:
        raise EngineError(f"policy pack {folder}: {error.details()}") from error
    advisory = analyzer_pb2.ADVISORY
    return [
        Diagnostic(
            "warning" if one.enforcementLevel == advisory else "error", f"{one.policyName}: {one.message}", one.urn
        )
        for answer in answers
        for one in answer.diagnostics
    ]


@contextmanager
def _asked(folder: Path, project: str, stack: str) -> Iterator[Any]:
    """The pack, running."""
    import grpc
    from pulumi.runtime.proto import analyzer_pb2_grpc

    environment = {**os.environ, "PULUMI_PROJECT": project, "PULUMI_STACK": stack, "PULUMI_DRY_RUN": "true"}
    command = [str(_python(folder)), "-u", "-m", "pulumi.policy", "127.0.0.1:0", "."]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as running:
        try:
            port = (running.stdout.readline() if running.stdout else "").strip()
            if not port.isdigit():
                raise EngineError(f"policy pack {folder} does not start")
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            running.kill()


def _python(folder: Path) -> Path:
    """The interpreter that the pack wants."""
    from engine.files.project import load_yaml

    if not (folder / FILE).is_file():
        raise EngineError(f"policy pack {folder}: there is no {FILE}")
    match load_yaml(folder / FILE):
        case {"runtime": {"name": "python", "options": {"virtualenv": str(where), **other}}} if not other:
            python = folder.resolve() / where / "bin/python"
        case _:
            raise EngineError(f"policy pack {folder}: the embedded engine runs those in Python, in a `virtualenv` only")
    if not python.exists():
        raise EngineError(
            f"policy pack {folder}: {python.parent.parent} is not there: make it with "
            f"`python3 -m venv` and install {folder / 'requirements.txt'} into it"
        )
    return python
