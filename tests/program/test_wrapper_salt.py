"""With Pulumi's own CLI, too, no salt gets into a stack file that is shared."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAIN = "# mine\nconfig:\n  redis-ha:replicas: 2\n"
# It does with stack files what the CLI does: see cmd/pulumi/stack/secrets.go and io.go in Pulumi's sources.
CLI = """#!/bin/sh
[ "$1" != version ] || { echo v0.0.0; exit; }
echo "$*" >>"$CALLS"
called="$1 $2" file=Pulumi.dev.yaml
for word; do
    [ "$before" != --config-file ] || file=$word
    before=$word
done
case "$called" in
    'config set') echo "  redis-ha:sentinels: $word" >>"$file" ;;
    'stack select') ;;
    *) grep -q encryptionsalt "$file" || sed -i "1i encryptionsalt: v1:made-by-$1" "$file" ;;
esac
cat "$file"
"""


class Clone:
    """A folder with what ./pulumiw needs, and the CLI above."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "clone"
        self.calls = tmp_path / "calls"
        self.home = tmp_path / "home"
        programs = tmp_path / "bin"
        for each in (self.folder, self.home, programs):
            each.mkdir()
        for name in ("pulumiw", "bootstrap", "Pulumi.yaml", "requirements.txt", "engine"):
            source, target = ROOT / name, self.folder / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        self.file = self.folder / "Pulumi.dev.yaml"
        self.file.write_text(PLAIN)
        for name, script in (("pulumi", CLI), ("docker", "#!/bin/sh\n[ $1 = ps ] || echo '[redis:8-alpine] '\n")):
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
        }

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["./pulumiw", *line.split()],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_runs_keep_the_salt_in_the_users_folder(clone: Clone) -> None:
    printed = {clone.run(f"{command} --stack dev").stdout for command in ("up --yes", "preview", "destroy")}
    assert printed == {f"encryptionsalt: v1:made-by-stack\n{PLAIN}"}
    assert clone.file.read_text() == PLAIN


def test_a_changed_stack_file_is_the_one_that_counts(clone: Clone) -> None:
    clone.run("up --yes --stack dev")
    changed = PLAIN.replace("2", "5")
    clone.file.write_text(changed)
    assert clone.run("up --yes --stack dev").stdout == f"encryptionsalt: v1:made-by-stack\n{changed}"


def test_a_setting_of_a_run_gets_into_the_stack_file(clone: Clone) -> None:
    assert "redis-ha:sentinels: 5" in clone.run("up --yes --stack dev -c sentinels=5").stdout
    assert clone.file.read_text() == PLAIN + "  redis-ha:sentinels: 5\n"


def test_init_selects_the_stack_of_the_project_and_leaves_its_file_alone(clone: Clone) -> None:
    clone.run("stack init --stack dev")
    assert clone.file.read_text() == PLAIN
    assert clone.calls.read_text().splitlines()[-2:] == [
        "stack init --stack dev --no-select",
        "stack select --stack dev",
    ]


def test_a_file_with_secrets_is_used_as_it_is(clone: Clone) -> None:
    text = f"encryptionsalt: v1:theirs\n{PLAIN}"
    clone.file.write_text(text)
    assert clone.run("up --yes --stack dev").stdout == text
    assert clone.file.read_text() == text
    assert "--config-file" not in clone.calls.read_text()
