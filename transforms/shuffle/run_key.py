"""The key of a run, as it travels to workers: where the key is to be had, and its id. Never the key itself.

A process fetches the key once, checks its id, and keeps it in memory. Other keys of the run are derived from
it: HKDF (RFC 5869) with SHA-256, and a random salt of the run. The salt is in the graph and stored nowhere.
"""

from __future__ import annotations

import functools
import hmac
import os
import pickle
import selectors
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import ConfigError, PipelineError
from schemas.keys import KeyedHasher, key_id, parse_key

#: The variable in which the driver gives a literal key to its own worker processes, and to no others.
GIVEN = "CHATSIEVE_WORKER_KEY"
COMMAND_SECONDS = 30
_MOST_BYTES = 1 << 16
_SALT_BYTES = 16
_NONCE_BYTES = 12
_LOCK = threading.Lock()
_KEYS: dict[KeyReference, bytes] = {}


class KeySource(NamedTuple):
    """Where a key is to be had.

    `place`: the name of an environment variable, the path of a file, the arguments of a command, or nothing
    for a key that is written in the configuration.
    """

    kind: Literal["variable", "file", "command", "literal"]
    place: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The source for messages. Arguments of a command are left out: they may be secret."""
        named = {"variable": "environment variable", "file": "key_file", "command": "key_command"}
        return f"{named[self.kind]} {self.place[0]}" if self.place else "the key of the configuration"

    def read(self) -> bytes:
        """The key; ConfigError where it cannot be had or is no key."""
        match self.kind:
            case "file":
                return parse_key(_text_of(Path(self.place[0])), self.place[0])
            case "command":
                return parse_key(_output_of(self.place), str(self))
            case _:
                name = self.place[0] if self.place else GIVEN
                if not os.environ.get(name):
                    raise ConfigError(f"{self} is not set; generate a key with `chatsieve keygen`")
                return parse_key(os.environ[name], str(self))


class KeyReference(NamedTuple):
    """The source of a key and the key's id. It may be known to anyone."""

    source: KeySource
    key_id: str


class RunKey(NamedTuple):
    """The key of one run: a reference and the salt of the run. Equal wherever it is unpickled."""

    reference: KeyReference
    salt: bytes

    @classmethod
    def new(cls, reference: KeyReference) -> RunKey:
        """The key with a new salt."""
        return cls(reference, os.urandom(_SALT_BYTES))

    @property
    def key(self) -> bytes:
        """The key; PipelineError where this process cannot get it."""
        return key_of(self.reference)

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose in this run."""
        return _derived(self, purpose)

    def digest(self, purpose: str, text: str) -> bytes:
        """16 bytes, equal for equal texts of one purpose in this run: a key for what must be grouped."""
        return hmac.digest(self.derived(purpose), text.encode(), "sha256")[:16]

    def seal(self, value: object) -> bytes:
        """The value pickled, then encrypted and authenticated (AES-256-GCM)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.derived("seal")).encrypt(nonce, pickle.dumps(value, 5), None)

    def open(self, sealed: bytes) -> Any:
        """The value that was sealed with this key. Nothing is unpickled that was not sealed with it."""
        data = AESGCM(self.derived("seal")).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        return pickle.loads(data)  # noqa: S301 - authenticated

    def worker_environment(self) -> dict[str, str]:
        """The variables that worker processes of this process need to have the key."""
        return {GIVEN: self.key.hex()} if self.reference.source.kind == "literal" else {}


class RunHasher(KeyedHasher):
    """A KeyedHasher that is pickled as the reference to its key."""

    def __init__(self, run_key: RunKey) -> None:
        super().__init__(run_key.key)
        self.run_key = run_key

    def __reduce__(self) -> tuple[Any, ...]:
        return RunHasher, (self.run_key,)


def remember(source: KeySource, key: bytes) -> KeyReference:
    """The reference to a key that this process has read. It is not read again in this process."""
    reference = KeyReference(source, key_id(key))
    with _LOCK:
        _KEYS[reference] = key
    return reference


def key_of(reference: KeyReference) -> bytes:
    """The key, fetched once in a process; PipelineError where it cannot be had or has another id."""
    with _LOCK:
        if reference not in _KEYS:
            _KEYS[reference] = _fetched(reference)
        return _KEYS[reference]


def check_travels(reference: KeyReference, runner: str) -> None:
    """Raises ConfigError where workers of a runner that is not local cannot get the key."""
    if reference.source.kind == "literal":
        raise ConfigError(
            f"key: runner {runner} does not carry a key that is written in the configuration to its workers; "
            "give key: ${VARIABLE} alone, key_file or key_command, as each worker has it"
        )


def _fetched(reference: KeyReference) -> bytes:
    source, expected = reference
    try:
        key = source.read()
    except ConfigError as error:
        raise PipelineError(f"a worker has no key: {error}; the run has the key with id {expected}") from None
    if key_id(key) != expected:
        raise PipelineError(
            f"a worker has another key: {source} has the key with id {key_id(key)}, the run has {expected}; "
            "give all workers the key of the run"
        )
    return key


@functools.lru_cache(64)
def _derived(run_key: RunKey, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, run_key.salt, f"chatsieve {purpose}".encode()).derive(run_key.key)


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return _limited(opened.read(_MOST_BYTES + 1), str(file)).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(
            f"{file}: key_file cannot be read ({reason}); generate a key with `chatsieve keygen`"
        ) from None


def _limited(data: bytes, name: str) -> bytes:
    """What was read for a key; ConfigError where that is more than any key."""
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{name}: has more than {_MOST_BYTES >> 10} KiB; give one key of hex digits")
    return data


def _output_of(command: tuple[str, ...]) -> str:
    """What the command prints. It runs without a shell; what it writes to standard error is dropped."""
    name = f"key_command {command[0]}"
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's command
            command, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing, bufsize=0
        )
    except OSError as error:
        raise ConfigError(f"{name}: cannot be started ({error.strerror})") from None
    except ValueError:
        raise ConfigError(f"{name}: an argument has a NUL character") from None
    with process:
        try:
            end = time.monotonic() + COMMAND_SECONDS
            printed = _limited(_printed(process, end), name)
            code = process.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"{name}: no answer in {COMMAND_SECONDS} seconds; run it by hand to see why"
            ) from None
        finally:
            process.kill()
    if code:
        raise ConfigError(f"{name}: ended with exit code {code}; run it by hand to see why")
    return printed.decode("utf-8", "replace")


def _printed(process: subprocess.Popen[bytes], end: float) -> bytes:
    """What a process prints, and no more than one byte over the limit; raises TimeoutExpired at `end`."""
    stream = cast(BinaryIO, process.stdout)
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(data) <= _MOST_BYTES:
            if not selector.select(max(0, end - time.monotonic())):
                raise subprocess.TimeoutExpired(process.args, COMMAND_SECONDS)
            piece = stream.read(_MOST_BYTES + 1 - len(data))
            if not piece:
                break
            data += piece
    return data
