"""The commands of `chatsieve`, one a file, free of argument parsing."""
