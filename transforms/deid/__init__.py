"""De-identification: recognizers, surrogates, and the engine that runs them inside Presidio."""
