"""Say for which groups of people the answers are right: smiles that are called happy, and neutral faces that are not.

    python tests/benchmarks/benchmark_groups.py london --model model_weights/model.h5

The folder has two photographs of each person, <id>_neutral.jpg and <id>_smiling.jpg, and people.csv with the columns
face_id, face_age, face_gender, face_eth, as the people described themselves. Such is the Face Research Lab London Set
(DeBruine and Jones 2017, doi:10.6084/m9.figshare.5047666). Photographs are analysed as the video script does it. The
intervals are of 95 %, by drawing the people of a group again and again (bootstrap).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from emotion_recognition.media.photographs import read_photograph  # noqa: E402 (found through the line above)
from emotion_recognition.pipeline import EmotionPipeline, open_models  # noqa: E402
from emotion_recognition.settings import Settings  # noqa: E402

AGES = {'up to 24 years': 0, '25 to 34 years': 25, '35 years or more': 35}  # and the years at which each begins
MIN_PEOPLE = 5  # a group of fewer is left out
DRAWS, SEED = 2000, 17


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--model', type=Path, nargs='+', default=[Settings.model_weights_path], help='compared in turn')
    options = parser.parse_args()
    people = pd.read_csv(options.folder / 'people.csv', dtype={'face_id': str})
    for model_path in options.model:
        settings = Settings(model_weights_path=model_path, test_time_augmentation=True, precision='f32')
        print(f'\n{model_path}\n\n| group | people | neutral said neutral | smile said happy | AUC of p(happy) |')
        print('|---|---|---|---|---|')
        answers = recognise(people, options.folder, settings)
        for name, group in [('all', answers), *group_by_all(answers)]:
            cells = [describe(group, measure) for measure in (neutral_said_neutral, smile_said_happy, auc_of_happy)]
            print(f'| {name} | {len(group)} | {" | ".join(cells)} |')


def recognise(people, folder, settings):
    """Add to the table of people what is said of both photographs, and how probable happy is in them.

    A person whose face is not found in both is left out, with a note on stderr.
    """
    models, rows = open_models(settings), []
    for person in tqdm(people.to_dict('records'), 'people', unit='person'):
        for kind in ('neutral', 'smiling'):
            face_id = person['face_id'].zfill(3)
            picture = read_photograph(folder / f'{face_id}_{kind}.jpg')
            faces = EmotionPipeline(models, settings, stills=True).process(picture, 0.0)
            if not faces:
                print(f'{face_id}_{kind}.jpg: no face', file=sys.stderr)
                break
            face = max(faces, key=lambda face: face.box[2])
            happy = face.shown[face.class_names.index('happy')]
            person |= {f'{kind}_said': face.emotion, f'{kind}_happy': float(happy)}
        else:
            rows.append(person)
    return pd.DataFrame(rows)


def group_by_all(answers):
    """Yield the name and the rows of each group by gender, age and ethnicity, if it has enough people."""
    ages = pd.cut(answers.face_age.astype(float), [*AGES.values(), np.inf], right=False, labels=list(AGES))
    for key in (answers.face_gender, ages, answers.face_eth):
        for name, group in answers.groupby(key, observed=True):
            if len(group) >= MIN_PEOPLE:
                yield name, group


def neutral_said_neutral(group):
    return (group.neutral_said == 'neutral').mean()


def smile_said_happy(group):
    return (group.smiling_said == 'happy').mean()


def auc_of_happy(group):
    """How often a smile has a higher probability of happy than a neutral face, 0.5 to 1."""
    is_smile = np.repeat([0, 1], len(group))
    return roc_auc_score(is_smile, np.concatenate([group.neutral_happy, group.smiling_happy]))


def describe(group, measure):
    rng = np.random.default_rng(SEED)
    draws = [measure(group.iloc[rng.integers(len(group), size=len(group))]) for _ in range(DRAWS)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return f'{measure(group):.2f} ({low:.2f} to {high:.2f})'


if __name__ == '__main__':
    main()
