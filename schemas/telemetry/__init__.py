"""What a command reports of itself: the events of its log, and its metrics."""
