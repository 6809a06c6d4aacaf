"""Prints where to connect to a stack: `python -m ops.connect STACK`.

The password is never printed: the lines to paste read it from the stack's encrypted outputs.
"""

import json
import os
import shlex
import shutil
import sys
from typing import Any

from ops.stack import ROOT, OpsError, outputs_text
from redis_ha.outputs import Tls

NODE_FILES = "/etc/redis-ha/node"  # in the containers


def endpoints(sentinels: list[str]) -> list[tuple[str, int]]:
    """Each "host:port" as a pair."""
    pairs = (each.rpartition(":") for each in sentinels)
    return [(host.strip("[]"), int(port)) for host, _, port in pairs]


def current_master(outputs: dict[str, Any], password: str) -> dict[str, Any]:
    """The node that the Sentinels name; the bootstrap master when none answers."""
    from redis.exceptions import RedisError

    from clients import redis_ha_client

    nodes: list[dict[str, Any]] = outputs["nodes"]
    tls = Tls.of(outputs)
    trust: dict[str, Any] = {"ca": tls.ca, "cert": tls.cert, "key": tls.key} if tls else {}
    sentinel = redis_ha_client.sentinel(endpoints(outputs["sentinels"]), password, **trust)
    try:
        named = sentinel.discover_master(outputs["master_name"])
    except RedisError:
        return nodes[0]
    return next((node for node in nodes if (node["host"], node["port"]) == named), nodes[0])


def pem_file(stack: str, output: str) -> str:
    """Where the printed lines look for the certificate or key of that output."""
    return f"redis-ha-{stack}-{output.replace('_', '-')}.pem"


def pem_files(stack: str, outputs: dict[str, Any]) -> dict[str, str]:
    """The files that a client needs, by output: the CA's certificate, and its own and the key where there is one."""
    return {name: pem_file(stack, name) for name in ("ca", "client_cert", "client_key") if outputs.get(name)}


def paste_lines(stack: str, outputs: dict[str, Any], master: dict[str, Any]) -> tuple[str, str]:
    """A redis-cli and a redis-py line for a shell in the project's folder."""
    secret = password_words(stack)
    files = pem_files(stack, outputs)
    # Of several hosts the Docker at hand may be none.
    if shutil.which("redis-cli") or outputs.get("hosts"):
        option = {"ca": "--cacert", "client_cert": "--cert", "client_key": "--key"}
        trust = " --tls" * bool(files) + "".join(f" {option[name]} {file}" for name, file in files.items())
        cli = f"redis-cli -h {master['host']} -p {master['port']}{trust}"
    else:
        terminal = f"docker exec -it -e REDISCLI_AUTH {master['container']}"
        trust = f" --tls --cacert {NODE_FILES}/tls-ca.crt" * bool(files)
        trust += f" --cert {NODE_FILES}/tls.crt --key {NODE_FILES}/tls.key" * ("client_cert" in files)
        cli = f"{terminal} redis-cli -p {master['port']}{trust}"
    trust = f", ca=open({files['ca']!r}).read()" if files else ""
    trust += f", cert={files['client_cert']!r}, key={files['client_key']!r}" if "client_cert" in files else ""
    code = (
        "import os; from clients import redis_ha_client as client; "
        f"master = client.master({endpoints(outputs['sentinels'])!r}, {outputs['master_name']!r}, "
        f"os.environ['REDISCLI_AUTH']{trust}); "
        "print(master.info('server')['redis_version'])"
    )
    return (
        f"REDISCLI_AUTH={secret} {cli}",
        f'REDISCLI_AUTH={secret} .venv/bin/python -c "{code}"',
    )


def endpoint_line(stack: str, outputs: dict[str, Any]) -> str:
    """A redis-py line for the endpoint. The retries make a failover a pause: nothing else is needed."""
    host, _, port = outputs["endpoint"]["write"].rpartition(":")
    option = {"ca": "ssl_ca_certs", "client_cert": "ssl_certfile", "client_key": "ssl_keyfile"}
    files = pem_files(stack, outputs)
    trust = ", ssl=True" * bool(files) + "".join(f", {option[name]}={file!r}" for name, file in files.items())
    code = (
        "import os; from redis import Redis, ReadOnlyError; from redis.backoff import ConstantBackoff; "
        f"from redis.retry import Retry; r = Redis({host!r}, {port}, password=os.environ['REDISCLI_AUTH'], "
        "socket_timeout=0.5, retry=Retry(ConstantBackoff(0.025), 600), "
        f"retry_on_error=[ReadOnlyError]{trust}); print(r.set('greeting', 'hello'))"
    )
    return f'REDISCLI_AUTH={password_words(stack)} .venv/bin/python -c "{code}"'


def password_words(stack: str) -> str:
    """What a shell replaces by the password."""
    return f'"$(./pulumiw stack output password --show-secrets --stack {shlex.quote(stack)})"'


def main() -> int:
    """Prints the answer for the stack named by the first argument (default dev)."""
    stack = sys.argv[1] if len(sys.argv) > 1 else "dev"
    # One call for all: the password stays in this process.
    try:
        outputs: dict[str, Any] = json.loads(outputs_text(stack))
    except OpsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if "nodes" not in outputs:
        sys.stderr.write(f"error: stack {stack} is not up: make up STACK={stack}\n")
        return 1
    master = current_master(outputs, str(outputs["password"]))
    cli, client = paste_lines(stack, outputs, master)
    replicas = [node for node in outputs["nodes"] if node is not master]
    print()
    print(f"master      {master['host']}:{master['port']}  ({master['name']})")
    for node in replicas:
        print(f"replica     {node['host']}:{node['port']}  ({node['name']})")
    if endpoint := outputs.get("endpoint"):
        print(f"endpoint    {endpoint['write']} for writes, {endpoint['read']} for reads")
    print(f"Sentinels   {' '.join(outputs['sentinels'])}  (master name: {outputs['master_name']})")
    print()
    for name, file in pem_files(stack, outputs).items():
        shown = "--show-secrets " * (name != "ca")
        print(f"first:      (umask 077; ./pulumiw stack output {name} {shown}--stack {shlex.quote(stack)} > {file})")
    print(f"redis-cli:  {cli}")
    print(f"redis-py:   {client}")
    if endpoint:
        print(f"endpoint:   {endpoint_line(stack, outputs)}")
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
