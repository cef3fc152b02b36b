"""Settings that de-identification makes for the whole process; no other module of it makes any.

Both are made whenever an engine is built, before it loads a model. Results depend on them: the last bits of a
matrix product differ between kernels and numbers of threads. The engines of a process are in `engines.py`.
"""

from __future__ import annotations

from typing import Any

import threadpoolctl


def use_one_matrix_thread() -> None:
    """Limits the matrix library to one thread: a worker has one core, and more threads would only wait."""
    threadpoolctl.threadpool_limits(1, user_api="blas")


def use_numpy_products() -> Any:
    """Makes thinc multiply with numpy in this thread; the thinc operations, for the nodes of a loaded model.

    blis selects its generic kernel on some processors; there numpy's product is twice as fast.
    """
    from thinc.api import NumpyOps, set_current_ops

    operations = NumpyOps(use_blis=False)
    set_current_ops(operations)
    return operations
