"""`python -m flow_engine.cli`: the command without its script."""

from flow_engine.cli import main

raise SystemExit(main())
