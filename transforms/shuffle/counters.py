"""Names of the Beam counters behind the progress bar. A retry counts twice, so they are approximate."""

from __future__ import annotations

RECORDS_READ = "records_read"
#: Bytes of the input files as stored, compressed or not.
BYTES_READ = "bytes_read"
RECORDS_DECIDED = "records_decided"
SESSIONS_TO_MASK = "sessions_to_mask"
SESSIONS_MASKED = "sessions_masked"
CHARACTERS_MASKED = "characters_masked"
