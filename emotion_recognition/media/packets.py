"""Taking a file apart and decoding it although parts of it are damaged."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import av

MOST_FAILURES = 100  # in a row, after which a container is given up

# What PyAV raises for damaged data: FFmpeg's own errors, and Python's where values lie beyond all limits.
DECODE_ERRORS = (av.error.FFmpegError, ValueError, ArithmeticError, MemoryError)

REFUSED = (av.error.InvalidDataError, av.error.ArgumentError)  # what a container answers to a damaged packet


def open_container(path: Path, mode: str = 'r', **options) -> av.container.Container:
    """Open a media file as `av.open` does, by its absolute path: what stands before a colon in a mere name could be a
    protocol, as in 2026-05-01T12:30.mp4."""
    return av.open(str(path.absolute()), mode, **options)


def demux(container: av.container.InputContainer, *streams: av.stream.Stream) -> Iterator[av.Packet]:
    """Packets of some streams. Behind damage in the container it goes on where FFmpeg finds the next packet.

    The last packet of each stream is empty, and makes the decoder give out what it holds.

    Raises:
        av.error.FFmpegError: there is nothing but damage any more.
    """
    failures = 0
    while True:
        try:
            for packet in container.demux(*streams):
                failures = 0
                yield packet
            return
        except IndexError:  # PyAV's, at the end of a transport stream in which a stream began late
            return
        except av.error.FFmpegError:
            failures += 1
            if failures > MOST_FAILURES:
                for stream in streams:
                    last_packet = av.Packet()
                    last_packet.stream = stream
                    yield last_packet
                raise


def decode(stream: av.stream.Stream, packet: av.Packet) -> list:
    """Decode a packet.

    Raises:
        one of DECODE_ERRORS: it cannot be decoded. The next one can be tried.
    """
    try:
        return stream.decode(packet)
    except av.error.BlockingIOError:  # the rest of a damaged packet, which PyAV cannot fetch, is in the way
        stream.codec_context.flush_buffers()
        return stream.decode(packet)


def mux(container: av.container.OutputContainer, packets: Iterable[av.Packet]) -> None:
    """Write packets; damaged ones, copied from elsewhere, that the container refuses are left out.

    It holds packets back to write them in order of time: the refusal may come with a later packet, which is kept.
    """
    for packet in packets:
        with suppress(*REFUSED):
            container.mux(packet)


def reason(error: Exception) -> str:
    """What an error says, in FFmpeg's or the system's words."""
    return getattr(error, 'strerror', None) or str(error)
