"""Why one session was decided as it was, and what would decide it otherwise."""
