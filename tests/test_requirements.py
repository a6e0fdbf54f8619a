import re

from tests.paths import ROOT


def packages(name):
    lines = (ROOT / name).read_text().splitlines()
    return [re.match(r'[\w-]+', line)[0] for line in lines if not line.startswith(('#', '-r '))]


def test_each_package_stands_in_one_place():
    names = [
        *packages('requirements-inference.txt'),
        *packages('requirements.txt'),
        *packages('requirements-cluster.txt'),
        *packages('tests/requirements.txt'),
    ]
    assert len(names) == len(set(names))
    assert (ROOT / 'requirements.txt').read_text().splitlines()[0] == '-r requirements-inference.txt'
    assert {'tensorflow', 'keras'} <= set(packages('requirements.txt'))
