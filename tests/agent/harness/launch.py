"""Process 1 as in the image, from the checkout: `python -I -S launch.py ROLE`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from agent.serve.main import main

raise SystemExit(main())
