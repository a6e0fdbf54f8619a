"""OpenVINO, which runs the networks, opened once in a process."""

from functools import cache


@cache
def open_core():
    """Open OpenVINO, and never close it. Returns the openvino.Core.

    Where the processor has AMX, it gives the thread that opens it another stack for signals, and takes that away when
    it is closed. If two were closed in another order than they were opened, Ctrl-C would crash the process.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    import openvino  # not at the top, since it takes time, and Haar with Keras needs none

    return openvino.Core()
