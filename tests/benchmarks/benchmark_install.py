"""From nothing to the first result: a fresh virtual environment, and emotions_from_video.py on the demo clip.

    python tests/benchmarks/benchmark_install.py

In turn with the small set and the shipped conversion, and with all of requirements.txt and model.h5 alone, as it was
before there was a small set. pip keeps what it downloads, so that the first round may be slower than the others. The
time of the processor is that of all processes together, and less disturbed by what else the machine does.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark_start import MODEL_PATH, ROOT, SHIPPED_PATH, start

WAYS = {'small set': ('requirements-inference.txt', True), 'all': ('requirements.txt', False)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    for _ in range(parser.parse_args().rounds):
        for name, way in WAYS.items():
            print(f'{name}: {measure(*way)}', flush=True)


def measure(requirements, shipped):
    with tempfile.TemporaryDirectory() as folder:
        environment, model_folder = Path(folder) / 'venv', Path(folder) / 'model'
        model_folder.mkdir()
        shutil.copy(MODEL_PATH, model_folder)
        if shipped:
            shutil.copy(SHIPPED_PATH, model_folder)
        started, used = time.time(), processor_seconds()
        subprocess.run([sys.executable, '-m', 'venv', environment], check=True)
        python = environment / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
        subprocess.run([python, '-m', 'pip', 'install', '-q', '-r', ROOT / requirements], check=True)
        installed, install_work = time.time() - started, processor_seconds() - used
        megabytes = sum(path.lstat().st_size for path in environment.rglob('*')) / 1e6
        first, whole = start(python, model_folder)
        work = processor_seconds() - used
        second, _ = start(python, model_folder)
    return (
        f'{installed:.0f} s to install ({install_work:.0f} s of the processor), {megabytes:.0f} MB; '
        f'first frame {first:.1f} s after the start; {installed + whole:.0f} s in all ({work:.0f} s of the processor); '
        f'second start {second:.1f} s'
    )


def processor_seconds():
    """Of all processes so far that were waited for."""
    return os.times().children_user + os.times().children_system


if __name__ == '__main__':
    main()
