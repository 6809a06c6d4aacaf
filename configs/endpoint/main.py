"""Process 1 of the endpoint: `python3 -I -S FOLDER`, where this file is FOLDER/__main__."""

from agent.endpoint.main import main

raise SystemExit(main())
