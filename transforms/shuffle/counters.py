"""What workers count for the progress bar. A retry counts twice, so nothing promised is read off it."""

from __future__ import annotations

RECORDS_READ = "records_read"
#: Of the input files, as they are stored.
BYTES_READ = "bytes_read"
RECORDS_DECIDED = "records_decided"
SESSIONS_TO_MASK = "sessions_to_mask"
SESSIONS_MASKED = "sessions_masked"
CHARACTERS_MASKED = "characters_masked"
