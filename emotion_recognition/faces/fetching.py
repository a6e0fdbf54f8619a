"""Downloading a file once."""

from pathlib import Path

import platformdirs

from emotion_recognition.labels import InputError

TIMEOUT_SECONDS = 20  # how long to wait for any answer


def fetch(address: str, sha256: str, folder: Path | None = None) -> Path:
    """Download a file with a progress bar, unless a complete copy is already there.

    Args:
        address: Address of the file, which ends in the file's name.
        sha256: SHA-256 of its content, in hexadecimal digits.
        folder: Folder to save it in; by default the user's cache folder.

    Returns:
        The path of the file.

    Raises:
        InputError: There is no complete copy, and the file cannot be downloaded.
    """
    import pooch  # not at the top, since few runs need it

    folder = Path(folder or platformdirs.user_cache_path('emotion_recognition'))
    name = address.rsplit('/', 1)[-1]
    pooch.get_logger().setLevel('WARNING')  # otherwise it would announce what the progress bar shows
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_SECONDS)
    try:
        return Path(pooch.retrieve(address, f'sha256:{sha256}', name, folder, downloader=downloader))
    except (OSError, ValueError) as error:
        path = folder / name
        raise InputError(f'{address}: {_reason(error)}; download it in another way and save it as {path}') from None


def _reason(error):
    from requests.exceptions import HTTPError, RequestException

    if isinstance(error, HTTPError):
        return f'the server answered {error.response.status_code}'
    if isinstance(error, RequestException):
        return 'there is no connection, or it was lost'
    if isinstance(error, ValueError):
        return 'the downloaded file is not the expected one'
    return f'cannot be saved ({error.strerror})'
