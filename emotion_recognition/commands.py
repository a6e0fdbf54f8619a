"""The command `emotions-from-webcam` of an installation. That for videos is the script's own `main`."""

import sys


def watch_webcam() -> None:
    """Run the webcam script. Its table goes to the current folder, not to where the program is installed."""
    import emotions_from_webcam  # not at the top: no module of this package needs a script

    emotions_from_webcam.main([f'--csv-path={emotions_from_webcam.CSV_PATH.name}', *sys.argv[1:]])
