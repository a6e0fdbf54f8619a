"""Conversions of the tests' own small models, made in the tests' process.

The package converts in a child process, which starts TensorFlow: nine seconds of a core for a model of some kilobytes.
The tests have Keras loaded anyway, so here the same text, `conversion.CONVERSION`, runs in their process. Two tests go
through the real child, see the fixture `real_conversion`.
"""

import subprocess
import sys
from types import SimpleNamespace

import pytest


def run_here(command, **_):
    """Stands in for `subprocess.run` where `conversion.py` calls `python -c CONVERSION model.h5 model.xml`."""
    _, _, code, *arguments = command
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['-c', *arguments])
        try:
            exec(code, {'__name__': '__main__'})
        except SystemExit as ended:
            return SimpleNamespace(returncode=1, stderr=str(ended))
    return SimpleNamespace(returncode=0, stderr='')


SUBPROCESS = SimpleNamespace(run=run_here, DEVNULL=subprocess.DEVNULL)  # in place of the module
