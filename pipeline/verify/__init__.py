"""`chatsieve verify`: one module for each class of findings, in the order of `findings.KINDS`."""
