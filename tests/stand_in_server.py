"""A program that serves as vLLM does: `stand_in_server.py FOLDER --served-model-name NAME --host H --port P`; or as
SGLang does, with `--model-path FOLDER`. Of their arguments it takes those that a run gives, spelt as their manuals do.

What it says hangs on the weights in FOLDER, on what it is asked and on the seed; some of it is right by chance. With
`--ends-after N` it ends after so many replies, with `--blind` it counts no image, with `--never` it does not listen.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from insightv_bench.engines.hf import hash_folder
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import render_path
from insightv_bench.records import Step, content_id
from insightv_bench.serving import ChatServer


class Parrot:
    revision, concurrency = "1", 16

    def __init__(self, name: str, weights: str, ends_after: int, blind: bool) -> None:
        self.name, self._weights, self._left, self._blind = name, weights, ends_after, blind

    async def reply(self, request: Request) -> Reply:
        self._left -= 1
        if self._left == 0:
            sys.stderr.write("out of everything\n")
            sys.stderr.flush()
            os._exit(7)
        said = [message.content for message in request.chat.messages]
        images = [image.sha256 for image in request.chat.images]
        digest = content_id(self._weights, said, images, request.sample, request.sampling.temperature)
        dice = int(digest[:4], 16)
        steps = [Step(summary="look", reasoning=f"I see {digest[:6]}.", action="summary")]
        text = render_path(steps, "ABCD"[dice % 4]) if dice % 16 else f"I would say {digest}."
        tokens = len(said) + (0 if self._blind else len(images))
        return Reply(text=text, num_prompt_tokens=tokens, num_tokens=len(text.split()))


def main() -> None:
    options = argparse.ArgumentParser(allow_abbrev=False)
    options.add_argument("folder", nargs="?")
    options.add_argument("--model-path")
    options.add_argument("--dtype", choices=["auto", "half", "float16", "bfloat16", "float", "float32"])
    options.add_argument("--generation-config")
    options.add_argument("--sampling-defaults", choices=["openai", "model"])
    options.add_argument("--served-model-name")
    options.add_argument("--host")
    options.add_argument("--port", type=int)
    options.add_argument("--ends-after", type=int, default=-1)
    options.add_argument("--blind", action="store_true")
    options.add_argument("--never", action="store_true")
    given = options.parse_args()
    if given.never:
        sys.stdout.write("loading for ever\n")
        sys.stdout.flush()
        time.sleep(600)
    own = given.generation_config == "vllm" if given.folder else given.sampling_defaults == "openai"
    if not own:
        options.error("what a request leaves out would be the model's own")
    engine = Parrot(
        given.served_model_name, hash_folder(Path(given.folder or given.model_path)), given.ends_after, given.blind
    )
    ChatServer(engine, given.host, given.port).serve_forever()


if __name__ == "__main__":
    main()
