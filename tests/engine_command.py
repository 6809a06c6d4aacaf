"""An engine's command as tests run it: in a project's folder, with state and a passphrase of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class EngineCommand:
    """`pulumi`, or the embedded engine, in `folder`; what it keeps for its user lies in `state`."""

    def __init__(self, folder: Path, state: Path, engine: str = "embedded") -> None:
        self.folder = folder
        self.command = ["pulumi"] if engine == "pulumi" else [sys.executable, "-m", "engine"]
        self.environment = {
            **os.environ,
            # Pulumi runs the program with the python on the PATH, as its reader would in a virtual environment.
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "XDG_STATE_HOME": str(state),
        }

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end."""
        return subprocess.run(
            [*self.command, *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def begun(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """The same while it runs, in a process group of its own."""
        return subprocess.Popen(
            [*self.command, *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
