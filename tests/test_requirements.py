import re
import tomllib

from tests.conftest import ROOT


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


def test_readme_and_pyproject_name_the_same_pythons():
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
    assert project['requires-python'] == '>=3.11,<3.15'
    assert 'Python 3.11 to 3.14' in (ROOT / 'README.md').read_text()
