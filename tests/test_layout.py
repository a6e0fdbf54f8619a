"""How large the parts of the project may be, so that each can be read in one sitting."""

import ast

import pytest

from tests.conftest import ROOT

PACKAGE = sorted((ROOT / 'emotion_recognition').rglob('*.py'))
MODULES = [*PACKAGE, ROOT / 'emotions_from_video.py', ROOT / 'emotions_from_webcam.py']
MAX_MODULE_LINES = 250  # model_training.py is longer: it must be one file, which can be copied alone
MAX_FUNCTION_LINES = 50


def too_long_functions(source):
    """Names of the functions and methods over the limit."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [node.name for node in functions if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES]


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize('path', MODULES, ids=name)
def test_modules_and_functions_are_short(path):
    source = path.read_text(encoding='utf-8')
    assert len(source.splitlines()) <= MAX_MODULE_LINES
    assert too_long_functions(source) == []


def test_a_function_that_is_too_long_is_found():
    body = '\n'.join(f'    line_{number} = 0' for number in range(MAX_FUNCTION_LINES))
    assert too_long_functions(f'class Some:\n  def method(self):\n{body}\n') == ['method']
    assert too_long_functions('def short():\n    return 1\n') == []


@pytest.mark.parametrize('path', [path for path in PACKAGE if path.name == '__init__.py'], ids=name)
def test_packages_are_described_by_a_docstring_and_do_nothing(path):
    """So that nothing happens at import."""
    (docstring,) = ast.parse(path.read_text(encoding='utf-8')).body
    assert isinstance(docstring, ast.Expr) and isinstance(docstring.value.value, str)


def test_the_whole_package_is_looked_at():
    assert len([path for path in PACKAGE if path.name == '__init__.py']) >= 7
    assert len(MODULES) > 50
