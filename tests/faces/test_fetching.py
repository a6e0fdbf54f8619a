import hashlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from emotion_recognition.faces.fetching import fetch
from emotion_recognition.labels import InputError
from tests.conftest import ROOT

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT as /whole, half of it as /cut, something else as /other, and counts the requests."""

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.count = 0
        self.address = f'http://127.0.0.1:{self.server_port}'


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.count += 1
        name = self.path.rsplit('/', 2)[1]
        if name not in ('whole', 'cut', 'other'):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header('Content-Length', str(len(CONTENT)))
        self.end_headers()
        self.wfile.write({'whole': CONTENT, 'cut': CONTENT[:50000], 'other': CONTENT[::-1]}[name])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def test_file_is_fetched_once_with_a_progress_bar(server, tmp_path, capsys):
    address = f'{server.address}/whole/file.bin'
    path = fetch(address, SHA256, tmp_path / 'new' / 'folder')
    assert path == tmp_path / 'new' / 'folder' / 'file.bin'
    assert path.read_bytes() == CONTENT
    assert '100%' in capsys.readouterr().err
    server.shutdown()
    assert fetch(address, SHA256, path.parent) == path
    assert server.count == 1
    assert capsys.readouterr() == ('', '')


def test_damaged_file_is_fetched_anew(server, tmp_path):
    (tmp_path / 'file.bin').write_bytes(CONTENT[:-1])
    assert fetch(f'{server.address}/whole/file.bin', SHA256, tmp_path).read_bytes() == CONTENT
    assert server.count == 1


@pytest.mark.parametrize(
    'name, reason',
    [
        ('cut', 'there is no connection, or it was lost'),
        ('other', 'the downloaded file is not the expected one'),
        ('missing', 'the server answered 404'),
    ],
)
def test_failure_is_one_line_and_leaves_nothing(server, tmp_path, name, reason):
    address = f'{server.address}/{name}/file.bin'
    with pytest.raises(InputError) as error:
        fetch(address, SHA256, tmp_path)
    assert str(error.value) == f'{address}: {reason}; download it in another way and save it as {tmp_path / "file.bin"}'
    assert list(tmp_path.iterdir()) == []


def test_no_server_and_a_damaged_file(server, tmp_path):
    server.shutdown()
    server.server_close()
    (tmp_path / 'file.bin').write_bytes(b'damaged')
    with pytest.raises(InputError, match='no connection'):
        fetch(f'{server.address}/whole/file.bin', SHA256, tmp_path)


def test_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be saved'):
        fetch(f'{server.address}/whole/file.bin', SHA256, tmp_path / 'file' / 'folder')


def test_two_processes_at_once(server, tmp_path):
    code = 'import sys; from pathlib import Path; from emotion_recognition.faces.fetching import fetch;'
    code += 'fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))'
    command = [sys.executable, '-c', code, f'{server.address}/whole/file.bin', SHA256, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ['file.bin']
    assert (tmp_path / 'file.bin').read_bytes() == CONTENT
