"""Data exports of Claude.ai and ChatGPT: archives, or JSON files with an array of conversations.

In: an export's files. Out: one session per conversation, and a quarantine entry per item that is none. Read
`source.py` first; `files.py` finds the conversations in a file, `claude_conversation.py` and `chatgpt.py`
convert one conversation.
"""
