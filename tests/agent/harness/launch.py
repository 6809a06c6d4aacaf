"""Process 1 as in the image, from the checkout: `python -I -S launch.py ROLE`."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from agent.decide import election, role
from agent.serve.main import main

# For a test that waits until it has ended. That it is a minute is for tests/agent/test_decide_election.py to say.
if patience := os.environ.get("REDIS_HA_TEST_AGENT_PATIENCE"):
    for module in (election, role):
        vars(module)["PATIENCE"] = float(patience)

raise SystemExit(main())
