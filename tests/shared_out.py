"""One process of a training under FSDP 2 on a CPU: `python -m shared_out JOB`, in the place of `trainers.worker`.

accelerate shares a model out on accelerators alone: on a CPU it passes over a config's FSDP without a word and trains
as DDP. torch can do it over gloo, so here accelerate is told that it is to; all else is as shipped.
"""

from __future__ import annotations

from typing import Any

from accelerate import state
from accelerate.utils import DistributedType

from insightv_bench.trainers.worker import main

real = state.AcceleratorState.__init__


def init(self: Any, *given: Any, fsdp_plugin: Any = None, **named: Any) -> None:
    real(self, *given, fsdp_plugin=fsdp_plugin, **named)
    if fsdp_plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin
        state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP
        if self._mixed_precision != "no":
            fsdp_plugin.set_mixed_precision(self._mixed_precision)


if __name__ == "__main__":
    state.AcceleratorState.__init__ = init  # type: ignore[method-assign]
    main()
