"""Making whole pictures of interlaced frames, whose odd and even lines were taken at different moments."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph

MIN_SIDE = 3  # in pixels; the filter takes nothing smaller
NOTHING_YET = (av.error.BlockingIOError, av.error.EOFError)  # what PyAV raises if a filter has no frame ready


class Deinterlacer:
    """Deinterlaces the frames that are flagged as interlaced, one out for one in; the others stay as they are.

    The picture of a frame is that of its first field; the lines between are interpolated with what the frames before
    and after show there. So each frame comes out when the next one is known, from the first interlaced frame on.
    Until then, frames pass through at once.
    """

    def __init__(self):
        self._graph = None
        self._layout = None  # width, height and format of the frames in the graph
        self._times: deque[int | None] = deque()  # of the frames in the graph

    def add(self, frame: av.VideoFrame) -> Iterator[tuple[int | None, av.VideoFrame]]:
        """Add the next frame, and yield the frames that are ready, each with the timestamp that it came with.

        Args:
            frame: Frame as it was decoded; frames are given in the order of decoding.
        """
        layout = frame.width, frame.height, frame.format.name
        if self._graph and layout != self._layout:
            yield from self.flush()
        if not self._graph and frame.interlaced_frame and min(layout[:2]) >= MIN_SIDE:
            self._graph, self._layout = _open_graph(*layout), layout
        if not self._graph:
            yield frame.pts, frame
            return
        self._times.append(frame.pts)  # that of the filter is in another unit
        self._graph.vpush(frame)
        yield from self._pull()

    def flush(self) -> Iterator[tuple[int | None, av.VideoFrame]]:
        """Yield the frame that is still held back, if there is one. Others can be added after that."""
        if self._graph:
            self._graph.vpush(None)
            yield from self._pull()
            self._graph = None

    def _pull(self):
        while True:
            try:
                frame = self._graph.vpull()
            except NOTHING_YET:
                return
            yield self._times.popleft(), frame


def _open_graph(width, height, pixel_format):
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=width, height=height, format=pixel_format, time_base=Fraction(1, 1000))
    bwdif = graph.add('bwdif', mode='send_frame', deint='interlaced')
    graph.link_nodes(source, bwdif, graph.add('buffersink')).configure()
    return graph
