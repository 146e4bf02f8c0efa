"""How a process of ours runs and ends."""
