"""What a process needs of the system: an event loop, signals, files, output, periodic tasks."""
