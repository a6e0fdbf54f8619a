"""EfficientNetB0. Otherwise as model_training.py, with all of its options."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

import model_training  # noqa: E402 (found through the line above)

DIFFERENCES = ['--efnet-no', '0']

if __name__ == '__main__':
    model_training.main([*DIFFERENCES, '--output', str(HERE / 'model.h5'), *sys.argv[1:]])
