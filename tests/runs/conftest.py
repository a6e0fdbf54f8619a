"""A small study, for runs in which a person has the same number in all files."""

import shutil

import pytest

from emotion_recognition.media.photographs import write_photograph
from tests.paths import DEMO_PATH
from tests.people_clips import read_frames, write_frames


@pytest.fixture(scope='session')
def study(tmp_path_factory):
    """A folder with a video of one person of the demo, one of both, mirrored, and a photograph of the other person."""
    folder = tmp_path_factory.mktemp('made') / 'study'
    folder.mkdir()
    frames = list(read_frames(DEMO_PATH))
    write_frames(folder / 'a.mp4', frames[:30], 25)
    write_frames(folder / 'b.mp4', [frame[:, ::-1] for frame in frames[170:200]], 25)
    write_photograph(folder / 'c.png', frames[110])
    return folder


@pytest.fixture
def own_study(study, tmp_path):
    return shutil.copytree(study, tmp_path / 'study')
