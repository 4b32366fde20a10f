"""What is known of families of models: which of them a model is of, and what a recipe makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recording_server import ChatServer, completion

from insightv_bench.chat import OURS, Asking, Chat, ask, load_prompt
from insightv_bench.engines import Caller, label, open_engine
from insightv_bench.errors import RecipeError
from insightv_bench.journal import Journal, Request, request_key
from insightv_bench.plan import plan
from insightv_bench.profiles import choose, load_profile, profile_names
from insightv_bench.records import Message
from insightv_bench.settings import OpenAIEngine, PathsSettings, Recipe, Sampling, load_recipe
from insightv_bench.world import Level, sample_questions

FAMILIES = {
    "THUdyh/Insight-V-Reason-LLaMA3": "insight-v",
    "Xkev/Llama-3.2V-11B-cot": "llava-cot",
    "HuanjinYao/Mulberry_qwen2vl_7b": "mulberry",
    "Fancy-MLLM/R1-Onevision-7B": "r1-onevision",
    "Osilly/Vision-R1-7B": "vision-r1",
    "omlab/VLM-R1-Qwen2.5VL-3B-Math-0305": "vlm-r1",
    "ydeng9/OpenVLThinker-7B-v1.2": "openvlthinker",
    "FanqingM/MM-Eureka-Qwen-7B": "mm-eureka",
    "Qwen/Qwen2.5-VL-7B-Instruct": "qwen2.5-vl",
    "Qwen/Qwen3-VL-8B-Instruct": "qwen3-vl-instruct",
    "Qwen/Qwen3-VL-30B-A3B-Thinking": "qwen3-vl-thinking",
    "OpenGVLab/InternVL3_5-8B": "internvl3",
    "zai-org/GLM-4.1V-9B-Thinking": "glm-4.1v-thinking",
    "zai-org/GLM-4.6V": "glm-4.5v",
    "moonshotai/Kimi-VL-A3B-Thinking-2506": "kimi-vl-thinking",
    "XiaomiMiMo/MiMo-VL-7B-RL-2508": "mimo-vl",
    "Kwai-Keye/Keye-VL-1_5-8B": "keye-vl-1.5",
    "google/gemma-3-4b-it": "gemma-3",
    "google/gemma-4-12b": "gemma-4",
    "meta-llama/Llama-3.2-11B-Vision-Instruct": "llama-3.2-vision",
    "mistralai/Magistral-Small-2509": "magistral",
    "openai/gpt-oss-20b": "gpt-oss",
    "microsoft/Phi-4-multimodal-instruct": "phi-4-multimodal",
    "microsoft/Phi-4-reasoning-vision-15B": "phi-4-reasoning-vision",
    "allenai/Molmo-7B-D-0924": "molmo",
    "HuggingFaceTB/SmolVLM2-2.2B-Instruct": "smolvlm2",
    "openbmb/MiniCPM-V-4_5": "minicpm-v-4.5",
    "openbmb/MiniCPM-V-4_6-Thinking": "minicpm-v-4.6-thinking",
    "stepfun-ai/Step3-VL-10B": "step3-vl",
    "AIDC-AI/Ovis2.5-9B": "ovis2.5",
    "Skywork/Skywork-R1V3-38B": "skywork-r1v3",
    "baidu/ERNIE-4.5-VL-28B-A3B-PT": "ernie-4.5-vl",
    "deepseek-ai/deepseek-vl2-tiny": "deepseek-vl2",
}


@pytest.mark.parametrize(("name", "family"), FAMILIES.items())
def test_a_family_is_told_by_the_models_name(name: str, family: str) -> None:
    found = choose(name)
    assert found and (found.profile.name, found.by) == (family, "name")


@pytest.mark.parametrize("name", ["gpt-4o", "SmolLM2-135M-Instruct", "parrot", "aya-vision-8b", "m"])
def test_a_name_that_says_nothing_is_of_no_family(name: str) -> None:
    assert choose(name) is None


def folder(place: Path, kind: str, template: str = "") -> Path:
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps({"model_type": kind}))
    (place / "chat_template.jinja").write_text(template)
    return place


def test_a_folder_of_any_name_is_told_by_its_type_and_its_template(tmp_path: Path) -> None:
    thinking = folder(tmp_path / "mine", "qwen3_vl", r"{{- '<|im_start|>assistant\n<think>\n' }}")
    plain = folder(tmp_path / "other", "qwen3_vl", r"{{- '<|im_start|>assistant\n' }}")
    found = [choose(place.name, place) for place in (thinking, plain)]
    assert [(each.profile.name, each.by) for each in found if each] == [
        ("qwen3-vl-thinking", "chat template"),
        ("qwen3-vl-instruct", "type"),
    ]
    assert choose("mine", folder(tmp_path / "third", "llava")) is None


def test_a_model_that_this_suite_trained_is_asked_as_it_was_trained(tmp_path: Path) -> None:
    model = folder(tmp_path / "train-reason-1" / "model", "qwen3_vl")
    assert choose("train-reason-1", model)
    (model.parent / "manifest.json").write_text("{}")
    assert choose("train-reason-1", model) is None


def test_every_family_has_a_profile_that_loads() -> None:
    assert len(profile_names()) >= 30 and set(FAMILIES.values()) <= set(profile_names())
    for name in profile_names():
        assert load_profile(name).source


def asked(*overrides: str) -> Recipe:
    return load_recipe("eval", list(overrides))


THINKING = 'model_seats.reason="Qwen/Qwen3-VL-8B-Thinking"'


def test_a_profile_says_how_paths_are_asked_for_and_sampled() -> None:
    recipe = asked(THINKING)
    assert recipe.eval
    assert recipe.eval.ask == ("native",) and recipe.eval.asking.prompt("reason").template == "{question}"
    assert recipe.eval.path_sampling == Sampling(max_new_tokens=40960, temperature=0.6, top_p=0.95, top_k=20)
    assert recipe.eval.answer_sampling.max_new_tokens == 40960  # it thinks before it answers, whatever it is asked


def test_what_a_recipe_says_itself_goes_before_its_models_profile() -> None:
    recipe = asked(THINKING, "eval.path_sampling.temperature=1", "eval.ask=json", "eval.answer_sampling={top_p: 0.5}")
    assert recipe.eval and recipe.eval.ask == ("json",)
    assert (recipe.eval.path_sampling.temperature, recipe.eval.path_sampling.top_p) == (1, 0.95)
    assert recipe.eval.answer_sampling.top_p == 0.5
    none = asked(THINKING, "profile=none")
    assert none.eval and none.eval.path_sampling == Sampling(max_new_tokens=1024) and none.eval.ask == ("json",)
    assert none.model_seats["reason"].profile == ""


def test_every_part_of_a_manner_is_another_stage() -> None:
    def names(*overrides: str) -> set[str]:
        return {
            json.dumps([stage.name, stage.settings.changes(), stage.options.changes()])
            for stage in plan(asked(*overrides))
        }

    plain = names(THINKING)
    for change in ("eval.ask=json", "eval.prompts={reason: 'Think. {question}'}", "profile=vision-r1"):
        assert plain - names(THINKING, change), change


def test_a_server_is_sent_nothing_that_nobody_asked_for() -> None:
    """What a strict server would turn away: pixel bounds, template arguments, other samplings than OpenAI's."""
    recipe = asked('model_seats.reason="openai:http://h/v1#Qwen/Qwen3-VL-8B-Thinking"')
    engine = recipe.model_seats["reason"]
    assert isinstance(engine, OpenAIEngine) and engine.opens_thought == "if cut" and not engine.extra_body
    assert recipe.eval and recipe.eval.path_sampling.top_k == 0


@pytest.mark.parametrize(
    ("model", "engine"),
    [
        ("GLM-4.5V", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("MiMo-VL-7B", {"suffix": " /no_think"}),
        ("Keye-VL-1_5-8B", {"suffix": "/no_think"}),
    ],
)
def test_thinking_is_turned_off_in_the_familys_own_way(model: str, engine: dict[str, object]) -> None:
    recipe = asked(f'model_seats.reason={{kind: openai, model: {model}, base_url: "http://h", enable_thinking: false}}')
    seat = recipe.model_seats["reason"]
    assert {name: getattr(seat, name) for name in engine} == engine
    assert seat.enable_thinking is None  # the profile turned it: no argument of the template as well
    assert recipe.eval and recipe.eval.answer_sampling.max_new_tokens == 256


def test_a_system_prompt_that_makes_a_model_think_goes_with_the_switch() -> None:
    seat = asked("model_seats.reason={kind: hf, model: OpenGVLab/InternVL3_5-8B, enable_thinking: true}")
    assert "<think>" in seat.model_seats["reason"].system
    assert asked('model_seats.reason="OpenGVLab/InternVL3_5-8B"').model_seats["reason"].system == ""


def test_a_budget_of_thought_goes_out_under_the_familys_key() -> None:
    given = '{kind: openai, model: Qwen3-VL-8B-Thinking, base_url: "http://h", thinking_budget: 99}'
    seat = asked(f"model_seats.reason={given}").model_seats["reason"]
    assert isinstance(seat, OpenAIEngine) and seat.extra_body == {"thinking_token_budget": 99}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["profile=qwen3-vl"], "there is no profile `qwen3-vl`"),
        (["model_seats.reason={kind: hf, model: Osilly/Vision-R1-7B, enable_thinking: false}"], "always thinks"),
        (["eval.prompts={reason: Hello}"], "needs the slot `{question}`"),
        (["eval.prompts={resaon: 'x {question}'}"], "`resaon` is no prompt"),
        (["eval.ask=jsn"], "cannot be `jsn`"),
        (["prompts={reason: nowhere.txt}"], "`nowhere.txt` cannot be read"),
        (["eval.ask=json,json"], "several that differ"),
    ],
)
def test_what_cannot_be_meant_is_one_line(overrides: list[str], words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        asked(THINKING, *overrides)
    assert words in str(caught.value)


def test_a_profile_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "My_Family.yaml"
    file.write_text("ask: prose\nsystem: Be brief.\nsampling: {temperature: 0.4}\nstop: ['END']\n")
    recipe = asked('model_seats.reason="ORG/ANY"', f"profile={json.dumps(str(file))}")
    seat = recipe.model_seats["reason"]
    assert (seat.profile, seat.system, seat.stop) == ("my-family", "Be brief.", ("END",))
    assert recipe.eval and recipe.eval.path_sampling.temperature == 0.4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sytem: x", "did you mean `system`"),
        ("sampling: {temprature: 1}", "did you mean `temperature`"),
        ("ask: fast", "`ask` in the profile"),
        ("- a", "holds no keys"),
        ("a: [", "is no YAML"),
        ("prompts: {reason: hello}", "needs the slot"),
    ],
)
def test_a_wrong_profile_is_told_with_the_keys_that_there_are(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_profile(str(file))
    assert words in str(caught.value)


def test_a_prompts_file_lies_beside_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.txt").write_text("Look closely. {question}\n")
    file = tmp_path / "here" / "own.yaml"
    file.write_text("name: own\nextends: eval\nprompts: {reason: mine.txt}\n")
    recipe = load_recipe(str(file), [THINKING])
    assert recipe.eval
    prompt = recipe.eval.asking.prompt("reason")
    assert prompt.template == "Look closely. {question}" and prompt.label.startswith("reason@")
    written = next(stage for stage in plan(recipe) if stage.kind == "paths")
    assert isinstance(written.settings, PathsSettings) and written.settings.asking.prompt("reason") == prompt


def test_another_asking_has_its_own_prompts_and_shares_the_rest() -> None:
    assert Asking("prose").prompt("reason").label == "prose/reason@1"
    assert Asking("prose").prompt("summary") == load_prompt("summary")
    assert OURS.prompt("reason") == load_prompt("reason") and OURS.versions() == {}
    assert set(Asking("insightv").versions()) == {"insightv/reason@1", "insightv/summary@1"}


def test_a_path_of_our_own_asking_keeps_its_id() -> None:
    """Ids were made before paths could be asked for otherwise."""
    dumped = PathsSettings().model_dump(exclude={"engine"})
    assert set(dumped) == {"num_paths", "max_steps", "mode", "repair_tries", "sampling"}
    assert set(dumped["sampling"]) == {"max_new_tokens", "temperature", "top_p", "repetition_penalty"}


def test_the_system_prompt_is_sent_and_stands_in_the_key(journal: Journal) -> None:
    server = ChatServer(lambda body: (200, completion("hello")))
    try:
        made = {"kind": "openai", "model": "m", "base_url": server.url}
        plain = OpenAIEngine.model_validate(made)
        mannered = OpenAIEngine.model_validate({**made, "system": "Be brief.", "suffix": "/no_think", "stop": ["END"]})
        question = next(iter(sample_questions(Level(side=16), "test", 0, 1)))
        request = Request(ask(Asking("native").prompt("reason"), question), Sampling(top_k=5))
        for engine in (plain, mannered, mannered):
            with Caller(open_engine(engine), journal) as caller:
                caller.ask_all([request])
        assert len(server.bodies) == 2  # the third is kept
        first, second = server.bodies
        assert [message["role"] for message in second["messages"]] == ["system", "user"]
        assert second["messages"][1]["content"][-1]["text"].endswith("/no_think")
        assert second["stop"] == ["END"] and "stop" not in first and first["top_k"] == 5
        assert label(open_engine(plain)) != label(open_engine(mannered))
    finally:
        server.close()


@pytest.mark.parametrize(
    ("finish", "reply", "opened"),
    [
        ("length", {"content": "I look and look"}, True),
        ("stop", {"content": "B"}, False),  # a server that keeps the thought to itself
        ("length", {"content": "B", "reasoning_content": "I look"}, False),
    ],
)
def test_a_cut_off_reply_of_a_model_that_thinks_at_once_is_thought(
    journal: Journal, finish: str, reply: dict[str, str], opened: bool
) -> None:
    server = ChatServer(
        lambda body: (200, completion(reply["content"], finish, reasoning_content=reply.get("reasoning_content")))
    )
    try:
        seat = asked(f'model_seats.reason="openai:{server.url}#Qwen3-VL-8B-Thinking"').model_seats["reason"]
        with Caller(open_engine(seat), journal) as caller:
            found = caller.ask_all([Request(Chat((Message(role="user", content="Which?"),)), Sampling())])
        assert found[0].opened == opened
    finally:
        server.close()


def test_a_chat_with_a_system_prompt_of_its_own_keeps_it(journal: Journal) -> None:
    engine = OpenAIEngine(model="m", base_url="http://h/v1", system="Be brief.")
    own = Chat((Message(role="system", content="Be long."), Message(role="user", content="Hi")))
    with Caller(open_engine(engine), journal) as caller:
        assert caller.as_sent(Request(own, Sampling())).chat == own


def test_a_key_of_sampling_that_came_later_changes_no_key_at_its_default() -> None:
    chat = Chat((Message(role="user", content="Hi"),))
    known = request_key("m@1", Request(chat, Sampling()))
    assert known == "d4d3ea316b4b72a28f709f2a1f2c32872ee16a15"
    assert known != request_key("m@1", Request(chat, Sampling(top_k=1)))
