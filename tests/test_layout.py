"""How large the parts of the project may be, so that each can be read in one sitting."""

import ast

from tests.paths import ROOT

PACKAGE = sorted((ROOT / 'emotion_recognition').rglob('*.py'))
MODULES = [*PACKAGE, ROOT / 'emotions_from_video.py', ROOT / 'emotions_from_webcam.py']
MAX_MODULE_LINES = 250  # model_training.py is longer: it must be one file, which can be copied alone
MAX_FUNCTION_LINES = 50


def read(path):
    return path.read_text(encoding='utf-8')


def long_functions(source):
    """Names of the functions and methods over the limit."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [node.name for node in functions if node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES]


def test_modules_are_short():
    assert len(MODULES) > 50
    lengths = {str(path.relative_to(ROOT)): len(read(path).splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES} == {}


def test_functions_are_short():
    found = {str(path.relative_to(ROOT)): long_functions(read(path)) for path in MODULES}
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_a_function_that_is_too_long_is_found():
    body = '\n'.join(f'    line_{number} = 0' for number in range(MAX_FUNCTION_LINES))
    assert long_functions(f'class Some:\n  def method(self):\n{body}\n') == ['method']
    assert long_functions('def short():\n    return 1\n') == []


def test_packages_are_described_by_a_docstring_and_do_nothing():
    """So that nothing happens at import."""
    packages = {path.parent.name: ast.parse(read(path)).body for path in PACKAGE if path.name == '__init__.py'}
    del packages['emotion_recognition']  # which has names for use from Python, see tests/test_api.py
    assert len(packages) >= 6
    for name, body in packages.items():
        assert len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value.value, str), name
