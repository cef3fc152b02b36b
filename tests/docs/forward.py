"""`chatsieve` in the blocks of pages: has the preloaded process run the command (`tests.support.preloaded`).

Started as `forward.py DESCRIPTOR LOCK ARGUMENTS...`. It imports the standard library alone, to start at once.
"""

import fcntl
import json
import os
import socket
import sys
from pathlib import Path


def main() -> int:
    requests = socket.socket(fileno=int(sys.argv[1]))
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "arguments": sys.argv[3:],
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "umask": umask,
    }
    with Path(sys.argv[2]).open("w") as lock:  # one at a time: the answers have no address
        fcntl.flock(lock, fcntl.LOCK_EX)
        socket.send_fds(requests, [json.dumps(request).encode()], [0, 1, 2])
        code = int(requests.recv(16))
    requests.detach()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
