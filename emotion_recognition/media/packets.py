"""Reading, decoding and writing the packets of media files, even if parts of a file are damaged."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import av

MAX_FAILURES = 100  # in a row, before reading a container is given up

# What PyAV raises for damaged data: FFmpeg's own errors, and Python's own for values that are out of range.
DECODE_ERRORS = (av.error.FFmpegError, ValueError, ArithmeticError, MemoryError)

MUX_ERRORS = (av.error.InvalidDataError, av.error.ArgumentError)  # what writing a damaged packet raises


def open_container(path: Path, mode: str = 'r', **options) -> av.container.Container:
    """Open a media file as `av.open` does, but by its absolute path.

    In a relative path such as 2026-05-01T12:30.mp4, FFmpeg would take the text before the colon for a protocol.

    Args:
        path: Path of the file.
        mode: 'r' to read, 'w' to write.
        options: Further arguments of `av.open`.

    Raises:
        One of DECODE_ERRORS, or OSError: The file cannot be opened.
    """
    return av.open(str(path.absolute()), mode, **options)


def demux(container: av.container.InputContainer, *streams: av.stream.Stream) -> Iterator[av.Packet]:
    """Yield the packets of some streams. After damage in the container, it goes on where FFmpeg finds the next packet.

    The last packet of each stream is empty, so that the decoder returns the frames that it still holds.

    Args:
        container: File that is read.
        streams: Streams of the file whose packets are wanted.

    Raises:
        av.error.FFmpegError: The rest of the file is damaged.
    """
    failures = 0
    while True:
        try:
            for packet in container.demux(*streams):
                failures = 0
                yield packet
            return
        except IndexError:  # PyAV raises it at the end of a transport stream in which a stream began late
            return
        except av.error.FFmpegError:
            failures += 1
            if failures > MAX_FAILURES:
                for stream in streams:
                    last_packet = av.Packet()
                    last_packet.stream = stream
                    yield last_packet
                raise


def decode(stream: av.stream.Stream, packet: av.Packet) -> list:
    """Decode a packet to frames.

    Args:
        stream: Stream that the packet belongs to.
        packet: The next packet of the stream.

    Returns:
        The frames that are ready; there may be none.

    Raises:
        One of DECODE_ERRORS: The packet cannot be decoded. The next one can still be tried.
    """
    try:
        return stream.decode(packet)
    except av.error.BlockingIOError:  # the rest of a damaged packet blocks the decoder, and PyAV cannot fetch it
        stream.codec_context.flush_buffers()
        return stream.decode(packet)


def mux(container: av.container.OutputContainer, packets: Iterable[av.Packet]) -> None:
    """Write packets, and leave out damaged ones that the container refuses.

    A container holds packets back to write them in order of time, so it may raise the error for a damaged packet only
    when a later one is written. That later packet is kept.

    Args:
        container: File that is written.
        packets: Packets from an encoder, or copied from another file.
    """
    for packet in packets:
        with suppress(*MUX_ERRORS):
            container.mux(packet)


def reason(error: Exception) -> str:
    """The message of an error, in FFmpeg's or the operating system's words."""
    return getattr(error, 'strerror', None) or str(error)
