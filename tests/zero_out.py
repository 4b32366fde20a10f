"""One process of a training under DeepSpeed's ZeRO-3 on a CPU: `python -m zero_out JOB`, in the place of
`trainers.worker`.

DeepSpeed itself runs over gloo (`DS_ACCELERATOR=cpu`), but accelerate does not ask it where a trainer says `use_cpu`.
So here the trainer does not say it; all else is as shipped.
"""

from __future__ import annotations

from typing import Any

from accelerate import state
from accelerate.utils import DistributedType

from insightv_bench.trainers.options import trl as options
from insightv_bench.trainers.worker import main

theirs, defaults = state.PartialState._prepare_backend, options.defaults


def over_gloo(self: Any, cpu: bool = False, sagemaker_dp: bool = False, backend: str | None = None) -> Any:
    return "gloo", DistributedType.MULTI_CPU


def not_on_cpu(*given: Any) -> dict[str, Any]:
    return {**defaults(*given), "use_cpu": False}


if __name__ == "__main__":
    state.PartialState._prepare_backend = over_gloo  # type: ignore[method-assign]
    options.defaults = not_on_cpu
    main()
