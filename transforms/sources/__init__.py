"""Source formats: from the bytes of logs to sessions and facts."""
