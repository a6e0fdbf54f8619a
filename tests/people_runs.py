"""Runs of the video script with `--people`, and what they write."""

import pandas as pd

import emotions_from_video


def run(model_path, *arguments):
    emotions_from_video.main([*map(str, arguments), '--model-weights-path', str(model_path)])


def faces_of(folder, stem):
    return pd.read_csv(folder / f'{stem}_with_emotions_faces_data.csv', keep_default_na=False)


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*'))
