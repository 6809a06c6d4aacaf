"""compile.py AGENT MAIN TARGET: the agent's modules into TARGET, compiled, without their text and docstrings."""

import pathlib
import py_compile
import sys

agent, main, target = (pathlib.Path(argument) for argument in sys.argv[1:])
sources = {source: target / source.with_suffix(".pyc") for source in sorted(agent.rglob("*.py"))}
for source, compiled in {**sources, main: target / "__main__.pyc"}.items():
    compiled.parent.mkdir(parents=True, exist_ok=True)
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), str(compiled), str(source), True, 2, unchecked)
