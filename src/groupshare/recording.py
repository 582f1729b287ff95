"""Steps recorded as CUDA graphs: what is launched by the host once for each kernel is launched once for all of them.

A step that can be recorded asks the device nothing, allocates what it keeps elsewhere, and reads and writes memory that
stays where it is. What can't be recorded is told once and launched kernel by kernel.
"""

import logging
from collections.abc import Callable, Hashable

import torch

logger = logging.getLogger(__name__)


class Recorder:
    """Runs a step the first time it is asked for by a name, records it the second time, and replays it from then on."""

    def __init__(self) -> None:
        self.graphs: dict[Hashable, torch.cuda.CUDAGraph | None] = {}
        self.pool: tuple[int, int] | None = None  # memory that all of them work in; they leave nothing there
        self.able = True

    def forget(self) -> None:
        """Drop what was recorded: the memory that it used is no longer in use."""
        self.graphs.clear()
        self.pool = None  # it ends with the last graph that works in it

    def run(self, name: Hashable, step: Callable[[], None]) -> None:
        """Run or replay `step`; `name` changes with all that a recording is made of but values in memory."""
        if not self.able or name not in self.graphs:
            self.graphs[name] = None
            step()
            return
        graph = self.graphs[name]
        if graph is None:
            graph = self._record(step)
            if graph is None:
                step()
                return
            self.graphs[name] = graph
        graph.replay()

    def _record(self, step: Callable[[], None]) -> torch.cuda.CUDAGraph | None:
        graph = torch.cuda.CUDAGraph()
        try:
            if self.pool is None:
                self.pool = torch.cuda.graph_pool_handle()
            with torch.cuda.graph(graph, pool=self.pool):
                step()
        except RuntimeError as error:
            self.able = False
            torch.cuda.synchronize()
            luck = torch.cuda.default_generators[torch.cuda.current_device()]
            luck.graphsafe_set_state(luck.clone_state())  # else it believes for good that it is being recorded
            logger.warning("decoding: steps can't be recorded here and are launched one by one (%s)", error)
            return None
        return graph
