"""Takes snapshots of a stack, keeps them with restic, restores them. In the nodes' image: standard library only."""
