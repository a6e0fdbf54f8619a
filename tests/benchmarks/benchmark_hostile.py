"""Try to make the three scripts lose work, lie about it, hang, or leave something behind.

    python tests/benchmarks/benchmark_hostile.py --seed 1

Each of the tries is a scenario and a moment that follow from the seed: real processes, two at a time, on disks that
fail, with files that change, in signals, beside other runs. Then an ordinary run follows, and a judge looks at what is
on the disk. It prints how often each kind was tried, and what was wrong. `--only N` repeats a try, `--keep` its files.
"""

import argparse
import gc
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hostile import files, live, videos
from hostile.judge import Try
from hostile.runs import FORKS, Kit

from tests.screen import Screen

gc.enable()  # tests/conftest.py turns it off until pytest has collected the tests
MODULES = ['__main__', 'emotions_from_video', 'emotions_from_webcam', 'model_training', 'matplotlib.pyplot']
SCENARIOS = {  # how often each is tried in 300 tries
    videos.ended_by_signals: 30,
    videos.full_disk: 20,
    videos.two_at_once: 8,
    videos.reading_fails: 36,
    videos.threads: 10,
    live.training: 10,
    files.numbers_that_are_not_finite: 20,
    videos.input_changes: 20,
    videos.results_are_damaged: 16,
    videos.stalls: 22,
    live.screens: 14,
    files.summaries_change: 20,
    files.files_in_the_way: 20,
    files.page_with_kept_data: 14,
    files.conversion_changes: 14,
    live.webcam: 16,
    videos.held_up: 10,
}


def attempt(number, scenario, kit, options):
    begun, this = time.monotonic(), Try(number, kit, options.seed)
    try:
        scenario(this)
    except Exception:  # of the scenario, or of a page: that too is for the report
        this.fail(traceback.format_exc()[-600:])
    this.close(options.keep)
    line = f'try {number}, {scenario.__name__}, {this.kind}: {time.monotonic() - begun:.1f} s {this.reached}'
    print('\n  WRONG: '.join([line, *this.wrong]), flush=True)
    return scenario.__name__, this.kind, bool(this.wrong)


def plan(options):
    """Numbers and scenarios of all tries. Those of the same scenario keep their numbers, whatever else is tried."""
    tries, first = [], 1
    for scenario, count in SCENARIOS.items():
        for number in range(first, first + max(1, round(count * options.tries / 300))):
            if not options.only or number in options.only or scenario.__name__ in options.only:
                tries.append((number, scenario))
        first += 1000
    return tries


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--tries', type=int, default=300)
    parser.add_argument('--only', nargs='+', type=lambda word: int(word) if word.isdigit() else word)
    parser.add_argument('--keep', action='store_true', help='keep the files')
    options = parser.parse_args()
    FORKS.set_forkserver_preload(MODULES)
    begun, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix='hostile_'))
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        kit = Kit(folder)
        kit.display = stack.enter_context(Screen()) if shutil.which('Xvfb') else None
        tries = plan(options)
        random.Random(options.seed).shuffle(tries)
        pages = [one for one in tries if one[1] is files.page_with_kept_data]
        others = [one for one in tries if one not in pages]
        with ThreadPoolExecutor(2) as pool:
            of_pages = pool.submit(files.in_one_browser, kit, lambda: [attempt(*one, kit, options) for one in pages])
            done = list(pool.map(lambda one: attempt(*one, kit, options), others)) + of_pages.result()
    counts = Counter((name, kind) for name, kind, _ in done)
    wrong = Counter((name, kind) for name, kind, is_wrong in done if is_wrong)
    for key in sorted(counts):
        print(f'{key[0]}, {key[1]}: {counts[key]} tries, {wrong[key]} wrong')
    print(f'{len(done)} tries, {sum(wrong.values())} wrong, {time.monotonic() - begun:.0f} s, --seed {options.seed}')
    if options.keep:
        print(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(bool(wrong))


if __name__ == '__main__':
    main()
