"""Process 1: `python3 -I -S FOLDER ROLE`, where this file is FOLDER/__main__."""

from agent.serve.main import main

raise SystemExit(main())
