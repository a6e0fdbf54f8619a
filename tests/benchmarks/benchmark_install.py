"""Measure the time from nothing to the first result: a new virtual environment, then emotions_from_video.py.

    python tests/benchmarks/benchmark_install.py

Two ways take turns: the small set of packages with the shipped conversion, and all of requirements.txt with model.h5
alone, as it was before there was a small set. The script analyses the demo clip. pip keeps its downloads, so the first
round may be slower than the others. Processor time is the sum of all processes; other work on the machine disturbs it
less.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark_start import MODEL_PATH, ROOT, SHIPPED_PATHS, start

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
        for path in SHIPPED_PATHS if shipped else []:
            shutil.copy(path, model_folder)
        started, used = time.time(), processor_seconds()
        subprocess.run([sys.executable, '-m', 'venv', environment], check=True)
        python = environment / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
        subprocess.run([python, '-m', 'pip', 'install', '-q', '-r', ROOT / requirements], check=True)
        installed, install_work = time.time() - started, processor_seconds() - used
        megabytes = sum(path.lstat().st_size for path in environment.rglob('*')) / 1e6
        first, to_end = start(python, model_folder)
        work = processor_seconds() - used
        second, _ = start(python, model_folder)
    return (
        f'{installed:.0f} s to install ({install_work:.0f} s of processor time), {megabytes:.0f} MB; '
        f'first frame {first:.1f} s after the start; '
        f'{installed + to_end:.0f} s in all ({work:.0f} s of processor time); second start {second:.1f} s'
    )


def processor_seconds():
    """Processor time of all processes that have ended so far."""
    return os.times().children_user + os.times().children_system


if __name__ == '__main__':
    main()
