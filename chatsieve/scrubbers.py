"""`Scrubber`: texts in, masked texts and the replaced spans out."""

from __future__ import annotations

import dataclasses
import itertools
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Self, get_args

from chatsieve.paths import Path, path_text
from chatsieve.process import contained, contained_parts, masking
from schemas.errors import ConfigError, DeidError, InputError

if TYPE_CHECKING:
    from transforms.deid.engine import DeidEngine, Explained
    from transforms.deid.spans import SessionText

#: What a text of a session is. In what users type, a weaker sign of a person's name is enough.
Kind = Literal["system", "user", "assistant", "thinking", "tool_input", "tool_result"]
_TOGETHER = 256
_KEY_BYTES = 32


@dataclasses.dataclass(frozen=True)
class Span:
    """A replaced stretch of a text: `text[start:end]` of the input, in code points, and its entity type.

    `score`: from 0 to 1.
    """

    start: int
    end: int
    type: str
    score: float


@dataclasses.dataclass(frozen=True)
class Scrubbed:
    """A masked text and the spans of the input that were replaced, in order.

    `text` is None for a refused text, and `refused` then has the reason; the spans explain it. The
    representation of this object has no text.
    """

    text: str | None = dataclasses.field(repr=False)
    spans: tuple[Span, ...]
    refused: str | None = None


class Scrubber:
    """De-identifies texts as `chatsieve scrub` and a run do. It is reusable, and safe to use in threads.

    `deid`: a de-identification configuration, by name or path; by default the packaged one. `key`: hex digits
    or bytes, such as the key of a run; by default a random one, so that surrogates link texts to nothing.

    Models are loaded at the first text that needs them; `close`, or the end of a `with` block, frees them.
    Raises ConfigError for a configuration or key that cannot be read, DeidError for a model.
    """

    @contained
    def __init__(self, deid: Path | None = None, *, key: str | bytes | None = None) -> None:
        from pipeline.inputs.config import DEFAULT_DEID, deid_argument
        from pipeline.inputs.packs import deid_at
        from schemas.keys import KeyedHasher

        used = _key(key)
        config, _ = deid_at(deid_argument(None if deid is None else path_text("deid", deid)) or DEFAULT_DEID)
        self._hasher = KeyedHasher(used)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._engine: DeidEngine | None = None
        with masking(builds=True):
            from transforms.deid.engine import DeidEngine

            self._engine = DeidEngine(config, used, presidio=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees the models. A closed Scrubber refuses texts."""
        with self._lock:
            self._engine = None

    @contained
    def scrub(self, text: str) -> Scrubbed:
        """The text as a session of its own; raises DeidError, with the reason, if it is refused."""
        (scrubbed,) = self._session([text], None, ["user"])
        return scrubbed

    @contained
    def scrub_session(
        self,
        texts: Sequence[str],
        *,
        conversation_id: str | None = None,
        kinds: Sequence[Kind] | None = None,
    ) -> list[Scrubbed]:
        """The texts of one session, in their order: what is found in one text is masked in the others too.

        The same value has the same surrogate in all of them. With `conversation_id` and the key of a run, it
        has that of the run. `kinds`: one for each text, by default `user`. Raises DeidError, with the reason,
        if the session is refused.
        """
        several = list(_checked(texts))
        return self._session(several, conversation_id, kinds or ["user"] * len(several))

    def scrub_many(self, texts: Iterable[str]) -> Iterator[Scrubbed]:
        """Each text as a session of its own, in their order, as `chatsieve scrub --jsonl` does.

        A refused text does not end the iteration: its `text` is None, and `refused` has the reason. Texts are
        read in batches of 256.
        """
        return contained_parts(lambda: self._many(_checked(texts)))

    def _many(self, texts: Iterable[str]) -> Iterator[list[Scrubbed]]:
        for batch in itertools.batched(texts, _TOGETHER):
            sessions = [self._sessions([text], None, ["user"]) for text in batch]
            yield [
                Scrubbed(
                    None if masked.refusal else masked.texts[0],
                    tuple(Span(*span) for spans in found for span in spans),
                    masked.refusal,
                )
                for masked, found in self._explained(sessions)
            ]

    def _session(
        self, texts: list[str], conversation_id: str | None, kinds: Sequence[Kind]
    ) -> list[Scrubbed]:
        ((masked, found),) = self._explained([self._sessions(texts, conversation_id, kinds)])
        if masked.refusal:
            what = "the text is" if len(texts) == 1 else "the session is"
            raise DeidError(
                f"{what} refused: {masked.refusal}; see refuse and language in the de-identification file"
            )
        return [
            Scrubbed(text, tuple(Span(*span) for span in spans))
            for text, spans in zip(masked.texts, found, strict=True)
        ]

    def _sessions(
        self, texts: Sequence[str], conversation_id: str | None, kinds: Sequence[Kind]
    ) -> SessionText:
        from transforms.deid.spans import Segment, SessionText

        if any(kind not in get_args(Kind) for kind in kinds):  # it may be a text: it is not shown
            raise InputError(f"Scrubber: unknown kind; known: {', '.join(get_args(Kind))}")
        if not isinstance(conversation_id, str | None):
            raise InputError(
                f"Scrubber: conversation_id: expected text, not {type(conversation_id).__name__}"
            )
        for text in texts:
            if not isinstance(text, str):
                raise InputError(f"Scrubber: expected texts, not {type(text).__name__}")
        if len(texts) != len(kinds):
            raise InputError(f"Scrubber: expected a kind for each of {len(texts)} texts, not {len(kinds)}")
        if conversation_id is None:
            key = next(self._numbers).to_bytes(16, "big")
        else:
            key = self._hasher.conversation(conversation_id)
        return SessionText(key, [Segment(*pair) for pair in zip(texts, kinds, strict=True)])

    def _explained(self, sessions: Sequence[SessionText]) -> list[Explained]:
        # An engine is not thread-safe: one Hyperscan scratch space.
        with self._lock, masking():
            if self._engine is None:
                raise DeidError("the Scrubber is closed; make a new one")
            return self._engine.explain_sessions(sessions)


def _checked(texts: Iterable[str]) -> Iterable[str]:
    """The texts; InputError for one text, whose characters would be taken for texts."""
    if isinstance(texts, str):
        raise InputError("Scrubber: expected several texts, not one; give [text]")
    return texts


def _key(given: str | bytes | None) -> bytes:
    from schemas.keys import parse_key

    if given is None:
        return secrets.token_bytes(_KEY_BYTES)
    if isinstance(given, str):
        return parse_key(given, "key")
    if not isinstance(given, bytes):
        raise ConfigError(f"key: expected hex digits or bytes, not {type(given).__name__}")
    if len(given) < _KEY_BYTES:
        raise ConfigError(f"key: expected {_KEY_BYTES} or more bytes; make a key with `chatsieve keygen`")
    return given
