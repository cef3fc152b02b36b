"""Runs the Python blocks of a page in one namespace, as a notebook does: `python_blocks.py REQUESTS ANSWERS`.

A request is a line of JSON: `code`, `name` for tracebacks, `folder`. The answer is the exit code as a line.
"""

import json
import os
import sys
import traceback
from typing import Any


def main() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with os.fdopen(int(sys.argv[1])) as requests, os.fdopen(int(sys.argv[2]), "w") as answers:
        for line in requests:
            request = json.loads(line)
            os.chdir(request["folder"])
            code = 0
            try:
                exec(compile(request["code"], request["name"], "exec"), namespace)  # noqa: S102 - of our pages
            except Exception:  # noqa: BLE001 - as the interpreter does
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(f"{code}\n")
            answers.flush()


if __name__ == "__main__":
    main()
