"""One run of model_training.py on both labels, from ImageNet weights, with no other model to learn from."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'both_labels'))

import run as both_labels  # noqa: E402 (found through the line above)

MORE_OPTIONS = both_labels.MORE_OPTIONS
DIFFERENCES = [
    *['--native-size', '48', '--image-size', '80', '--grayscale'],
    *['--votes', '1', '--second-share', '0.5', '--oversample', '800'],
    *['--epochs', '10', '--share', '0.5', '--warmup-epochs', '0.3', '--monitor', 'val_loss', '--calibrate'],
    *['--rotation', '12', '--shift', '0.08', '--crop', '0.65', '1.1', '--contrast', '0.25', '--face-share', '0.92'],
]

if __name__ == '__main__':
    both_labels.main([*DIFFERENCES, '--output', str(HERE / 'model.h5')], MORE_OPTIONS)
