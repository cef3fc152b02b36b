"""Synthetic chats, documents and code with the truth of what in them is personal."""
