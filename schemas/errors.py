"""Every error chatsieve raises on purpose.

A message is one line that names the file, key or id digest, what was expected and what to do. It never
holds text of a conversation, a name or a raw id of a data subject.
"""

from __future__ import annotations


class ChatsieveError(Exception):
    """Base of all errors with a message that is safe to print; `exit_code` is what the command ends with."""

    exit_code = 3


class ConfigError(ChatsieveError):
    """The configuration, a policy or an argument cannot be used; nothing was written."""

    exit_code = 2


class PolicyError(ConfigError):
    """A policy file cannot be used."""


class InputError(ChatsieveError):
    """An input cannot be opened or does not exist; nothing was written."""

    exit_code = 2


class ConsentError(ChatsieveError):
    """Consent snapshots are missing, stale or unreadable: the run refuses to start."""

    exit_code = 2


class OutputError(ChatsieveError):
    """The output cannot be written or would be overwritten; nothing was written."""

    exit_code = 2


class BusyError(ChatsieveError):
    """Another run holds the dataset, or committed first. Try again later."""

    exit_code = 4


class DeidError(ChatsieveError):
    """The de-identification engine cannot be built, or failed on a session."""


class PipelineError(ChatsieveError):
    """The run failed after it began; what it staged was removed."""
