"""Answers for the drawn world over the same text protocol as any model, with set error rates.

It sees what a model sees, the chat, and beside it a table from image hash to scene. Nothing of the scene is in the
image file or in the prompt, so no other model can read it. Each reply depends on the request alone, so the teacher
can be asked in any order, by any number of processes, or behind a server.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache

from insightv_bench.chat import Chat, go_on, load_prompt
from insightv_bench.errors import EngineError
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import (
    Verdict,
    parse_path,
    parse_step,
    render_answer,
    render_path,
    render_step,
    render_summary,
    render_verdicts,
    split_paths,
)
from insightv_bench.records import Step, content_id
from insightv_bench.settings import TeacherEngine
from insightv_bench.world import (
    Operation,
    Program,
    Scene,
    State,
    parse_question,
    replay,
    reread,
    run,
    scene_from_json,
    state_text,
    tell_conclusion,
    tell_reading,
    update,
)

from . import judge as teacher_judge

TASKS = ("step", "reason", "direct", "summary", "more/summary_of_k", "more/resume", *teacher_judge.TASKS)
VERSION = "1"


class Teacher:
    name = "teacher"
    concurrency = 64

    def __init__(self, settings: TeacherEngine, scenes: Mapping[str, str]) -> None:
        self.revision = f"{VERSION}-{settings.fingerprint()}"
        self._settings = settings
        self._scenes = scenes

    async def reply(self, request: Request) -> Reply:
        """Raises EngineError for a chat that is not of the drawn world."""
        text = self._answer(request)
        num_words = sum(len(message.content.split()) for message in request.chat.messages)
        return Reply(text=text, num_prompt_tokens=num_words, num_tokens=len(text.split()))

    def _answer(self, request: Request) -> str:
        task, slots = _task(request.chat)
        if task == teacher_judge.ANSWER:  # text alone: no image to find the scene by
            return self._judge(task, slots, "", request)
        scene = self._scene(request.chat)
        program = parse_question(slots["question"], scene)
        if program is None:
            raise EngineError(f"not a question of the drawn world: `{slots['question'][:80]}`")
        if task == "direct":
            return render_answer(run(program, scene.values))
        if task == "summary":
            return self._summary(program, scene, slots["path"])
        if task == "more/summary_of_k":
            return self._summary_of_several(program, scene, split_paths(slots["paths"]))
        if task in teacher_judge.TASKS:
            return self._judge(task, slots, self._scenes[request.chat.images[0].sha256], request)
        pupil = _Pupil(self._settings, program, scene, _seed(request))
        if task == "more/resume":
            return pupil.rest_of_path(parse_path(slots["path"]).steps)
        return pupil.whole_path() if task == "reason" else pupil.next_reply(request.chat)

    def _judge(self, task: str, slots: dict[str, str], scene: str, request: Request) -> str:
        settings, seed = self._settings.judge, _seed(request)
        return teacher_judge.reply_as_judge(settings, task, slots, scene, request.chat, seed)

    def _scene(self, chat: Chat) -> Scene:
        scene = self._scenes.get(chat.images[0].sha256) if chat.images else None
        if not scene:
            raise EngineError("the teacher answers for the drawn world alone, and this image is not of it")
        return scene_from_json(scene)

    def _summary(self, program: Program, scene: Scene, path: str) -> str:
        """The verdict is on the path's answer, as in the summary corpus: a path that errs and ends right is right."""
        parsed, answer = parse_path(path), run(program, scene.values)
        verdict: Verdict = "right" if parsed.answer == answer else "wrong"
        return render_summary(answer, verdict, reread(scene, parsed.steps, program))

    def _summary_of_several(self, program: Program, scene: Scene, paths: Sequence[str]) -> str:
        parsed, answer = [parse_path(path) for path in paths], run(program, scene.values)
        verdicts: list[Verdict] = ["right" if path.answer == answer else "wrong" for path in parsed]
        steps = [step for path in parsed for step in path.steps]
        return render_verdicts(answer, verdicts, reread(scene, steps, program))


class _Pupil:
    """One path's writer: its style and its errors come from the seed, so that they hold through the path's calls."""

    def __init__(self, settings: TeacherEngine, program: Program, scene: Scene, seed: str) -> None:
        self._settings, self._program, self._scene, self._seed = settings, program, scene, seed
        share = random.Random(seed).random()
        num = len(program.colours)
        careful, partial = settings.careful, settings.careful + settings.partial
        self._num_read = num if share < careful else num // 2 if share < partial else 0

    def whole_path(self) -> str:
        steps: list[Step] = []
        while not steps or steps[-1].action == "continue":
            steps.append(self.next_step(steps))
        return render_path(steps, self._final_answer(steps))

    def rest_of_path(self, begun: Sequence[Step]) -> str:
        """The steps that follow, from what those before say, right or not."""
        steps = list(begun)
        while len(steps) == len(begun) or steps[-1].action == "continue":
            steps.append(self.next_step(steps))
        return render_path(steps[len(begun) :], self._final_answer(steps))

    def next_reply(self, chat: Chat) -> str:
        steps = [step for m in chat.messages if m.role == "assistant" and (step := _own_step(m.content))]
        if any(message.content == load_prompt("answer").template for message in chat.messages):
            return render_answer(self._final_answer(steps))
        return render_step(self.next_step(steps))

    def next_step(self, steps: Sequence[Step]) -> Step:
        colours, state = replay(self._program, steps)
        if len(colours) >= self._num_read:
            return tell_conclusion(self._program, self._guess_rest(colours, state))[0]
        random_ = random.Random(f"{self._seed}/{len(steps)}")
        colour = self._program.colours[len(colours)]
        value = self._scene.values[colour]
        if random_.random() < self._settings.read_error:
            value = off_by_one(random_, value)
        state = update(self._program, state, colour, value)
        slip = random_.random() < self._settings.state_error and state_text(self._program, state)
        if slip and isinstance(state, int):
            state = off_by_one(random_, state)
        return tell_reading(self._program, Operation(colour, value, state))

    def _guess_rest(self, colours: Sequence[str], state: State) -> State:
        random_ = random.Random(f"{self._seed}/guess")
        for colour in self._program.colours[len(colours) :]:
            state = update(self._program, state, colour, random_.randint(1, max(self._scene.values.values())))
        return state

    def _final_answer(self, steps: Sequence[Step]) -> str:
        colours, state = replay(self._program, steps)
        return tell_conclusion(self._program, self._guess_rest(colours, state))[1]


@lru_cache(maxsize=1024)
def _own_step(text: str) -> Step | None:
    """Every call of a path shows all the steps before it."""
    return parse_step(text).step


def off_by_one(random_: random.Random, value: int) -> int:
    """A near miss, never below zero."""
    return value + 1 if value <= 1 else value + random_.choice((-1, 1))


def _task(chat: Chat) -> tuple[str, dict[str, str]]:
    first = chat.messages[0].content
    if chat.messages[-1] == go_on() and chat.messages[-2:][0].role == "assistant":
        return "summary", {**(load_prompt("reason").match(first) or {}), "path": chat.messages[-2].content}
    for name in TASKS:
        slots = load_prompt(name).match(first)
        if slots is not None:
            return name, slots
    raise EngineError("the teacher knows the prompts of this package alone")


def _seed(request: Request) -> str:
    """The same through the calls of one path: question, image, sampling and sample, but not the steps so far."""
    first = request.chat.messages[0].content
    images = [image.sha256 for image in request.chat.images]
    return content_id(first, images, request.sampling.temperature, request.sample)
