"""How the small model is made: synthetic texts, public texts that two teachers labelled, training."""
