"""Reading, decoding and writing the packets of media files, even if parts of a file are damaged."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import av

from emotion_recognition.media.input_file import InputFile

READ_SIZE = 1 << 18  # bytes that are asked of the disk at once
MAX_FAILURES = 100  # in a row, before reading a container is given up

# What PyAV raises for damaged data: FFmpeg's own errors, and Python's own for values that are out of range. OSError is
# what reading the file raises.
DECODE_ERRORS = (av.error.FFmpegError, ValueError, ArithmeticError, MemoryError, OSError)

MUX_ERRORS = (av.error.InvalidDataError, av.error.ArgumentError)  # what writing a damaged packet raises


def open_input(file: InputFile) -> av.container.InputContainer:
    """Open a file for reading, whatever its text is encoded in.

    Raises:
        One of DECODE_ERRORS: The file cannot be read, or FFmpeg does not know its kind.
    """
    try:
        container = av.open(file, metadata_errors='replace', buffer_size=READ_SIZE)
        file.check()
        return container
    except BaseException:
        file.close()
        file.check()  # FFmpeg knows nothing of a problem, and raises something else
        raise


def open_output(path: Path, **options) -> av.container.OutputContainer:
    """Open a file for writing as `av.open` does, but by its absolute path.

    In a relative path such as 2026-05-01T12:30.mp4, FFmpeg would take the text before the colon for a protocol.

    Raises:
        av.error.FFmpegError: It cannot be opened.
    """
    return av.open(str(path.absolute()), 'w', **options)


def demux(container: av.container.InputContainer, file: InputFile, *streams: av.stream.Stream) -> Iterator[av.Packet]:
    """Yield the packets of some streams. After damage in the container, it goes on where FFmpeg finds the next packet.

    The last packet of each stream is empty, so that the decoder returns the frames that it still holds.

    Args:
        container: File that is read.
        file: Where its bytes come from.
        streams: Streams of the file whose packets are wanted.

    Raises:
        av.error.FFmpegError: The rest of the file is damaged.
        OSError: The rest of the file cannot be read.
    """
    failures, problem = 0, None
    while failures <= MAX_FAILURES and not file.problem:
        try:
            for packet in container.demux(*streams):
                failures, problem = 0, None
                if not (file.problem and packet.is_corrupt):  # that one was cut off by the problem
                    yield packet
            break
        except IndexError:  # PyAV raises it at the end of a transport stream in which a stream began late
            break
        except av.error.FFmpegError as error:
            failures, problem = failures + 1, error
    else:
        for stream in streams:
            last_packet = av.Packet()
            last_packet.stream = stream
            yield last_packet
    file.check()
    if failures > MAX_FAILURES:
        raise problem


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


def may_pass(error: Exception) -> bool:
    """Whether an error comes from the machine and not from the file, so that another try may succeed.

    The machine's are what reading the file raises, and a lack of memory or of threads.
    """
    if isinstance(error, av.error.FFmpegError):  # FFmpeg has EIO for files that were cut off, too
        return error.errno in (errno.EAGAIN, errno.ENOMEM)
    return isinstance(error, (OSError, MemoryError))
