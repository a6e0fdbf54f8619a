"""Files that are fetched once."""

from pathlib import Path

import platformdirs

from emotion_recognition.labels import InputError

TIMEOUT_SECONDS = 20  # without any answer


def fetch(address: str, sha256: str, folder: Path | None = None) -> Path:
    """Fetch a file, with a progress bar, unless it is already there whole.

    Args:
        address: of the file; the end of it is its name.
        sha256: of its content, in hexadecimal digits.
        folder: where it goes; by default the user's cache folder.

    Returns:
        Its path.

    Raises:
        InputError: it is not there, and cannot be fetched.
    """
    import pooch  # here and not above: few runs need it

    folder = Path(folder or platformdirs.user_cache_path('emotion_recognition'))
    name = address.rsplit('/', 1)[-1]
    pooch.get_logger().setLevel('WARNING')  # it would announce what the progress bar shows
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_SECONDS)
    try:
        return Path(pooch.retrieve(address, f'sha256:{sha256}', name, folder, downloader=downloader))
    except (OSError, ValueError) as error:
        place = folder / name
        raise InputError(f'{address}: {_reason(error)}; fetch it by other means and put it at {place}') from None


def _reason(error):
    from requests.exceptions import HTTPError, RequestException

    if isinstance(error, HTTPError):
        return f'the server answered {error.response.status_code}'
    if isinstance(error, RequestException):
        return 'no connection, or one that broke off'
    if isinstance(error, ValueError):
        return 'what came is not the expected file'
    return f'cannot be kept ({error.strerror})'
