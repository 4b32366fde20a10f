"""Many chains behind one journal: fixed batches, nothing paid twice, a run cut off equals an unbroken one."""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from insightv_bench.chat import Chat, assistant
from insightv_bench.engines import ENGINES, Caller
from insightv_bench.errors import EngineError, EngineUnavailable
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.records import Message
from insightv_bench.settings import EngineSettings, Sampling

WORDS = [f"question {'x' * (number % 5)}{number}" for number in range(14)]


def request(text: str, sample: int = 0) -> Request:
    return Request(Chat((Message(role="user", content=text),)), Sampling(), sample)


def said(request: Request) -> str:
    return request.chat.messages[-1].content


class Batches:
    """A local model as it is: a reply depends on the whole batch, its order and its seed. Records what it was asked."""

    name, revision = "fake", "1"

    def __init__(self, batch_size: int = 4, fail_at: int | None = None, interrupt: bool = False) -> None:
        self.batch_size = batch_size
        self.batches: list[tuple[str, ...]] = []
        self._fail_at, self._interrupt = fail_at, interrupt

    def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        if len(self.batches) == self._fail_at:
            raise KeyboardInterrupt if self._interrupt else EngineUnavailable("out of memory", "smaller batches")
        self.batches.append(tuple(map(said, requests)))
        whole = "|".join(self.batches[-1])
        return [Reply(text=f"{place} of {whole} by {seed}", num_tokens=place) for place in range(len(requests))]


class Server:
    """Answers one by one, some sooner than others. Records what it was asked and how many at once."""

    name, revision = "server", "1"

    def __init__(self, concurrency: int = 3, fail_on: str = "", interrupt: bool = False) -> None:
        self.concurrency = concurrency
        self.opens_thought = False
        self.asked: list[str] = []
        self.num_now = self.num_most = 0
        self._fail_on, self._interrupt = fail_on, interrupt

    async def reply(self, request: Request) -> Reply:
        self.num_now += 1
        self.num_most = max(self.num_most, self.num_now)
        for _ in range(len(said(request)) % 3):
            await asyncio.sleep(0)
        self.num_now -= 1
        if said(request) == self._fail_on:
            raise KeyboardInterrupt if self._interrupt else EngineUnavailable("the server is down", "start it")
        self.asked.append(said(request))
        return Reply(text=f"reply to {said(request)}", num_tokens=2)


def ask_all(engine: Batches | Server, journal: Journal, texts: Sequence[str]) -> dict[str, str]:
    with Caller(engine, journal) as caller:
        replies = caller.ask_all([request(text) for text in texts])
    return dict(zip(texts, (reply.text for reply in replies), strict=True))


def unbroken(folder: Path, texts: Sequence[str] = WORDS, batch_size: int = 4) -> tuple[dict[str, str], list[tuple]]:
    """Replies and batches of a run of its own that nothing disturbs."""
    engine, journal = Batches(batch_size), Journal(folder / "unbroken.sqlite")
    replies = ask_all(engine, journal, texts)
    journal.close()
    return replies, engine.batches


def test_the_batches_are_the_same_whatever_the_order_of_requests(tmp_path: Path) -> None:
    replies, batches = unbroken(tmp_path)
    for seed in range(5):
        shuffled = random.Random(seed).sample(WORDS, len(WORDS))
        journal, engine = Journal(tmp_path / f"{seed}.sqlite"), Batches()
        assert ask_all(engine, journal, shuffled) == replies
        assert engine.batches == batches
        journal.close()
    assert sorted(text for batch in batches for text in batch) == sorted(WORDS)
    assert [len(batch) for batch in batches] == [4, 4, 4, 2]


def test_requests_of_like_length_share_a_batch(tmp_path: Path) -> None:
    _, batches = unbroken(tmp_path)
    lengths = [len(text) for batch in batches for text in batch]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("fail_at", [0, 1, 3])
def test_a_wave_that_was_cut_off_does_its_unfinished_batches_again(
    tmp_path: Path, journal: Journal, fail_at: int
) -> None:
    replies, batches = unbroken(tmp_path)
    broken = Batches(fail_at=fail_at)
    with pytest.raises(EngineUnavailable, match="out of memory"):
        ask_all(broken, journal, WORDS)
    assert broken.batches == batches[:fail_at]
    again = Batches()
    assert ask_all(again, journal, random.Random(fail_at).sample(WORDS, len(WORDS))) == replies
    assert again.batches == batches[fail_at:]


def test_a_killed_wave_does_its_unfinished_batches_again(tmp_path: Path) -> None:
    """The process dies by SIGKILL inside its third batch."""
    replies, batches = unbroken(tmp_path)
    file = tmp_path / "killed.sqlite"
    child = subprocess.Popen([sys.executable, __file__, str(file)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "in the third batch\n"
    child.kill()
    assert child.wait(timeout=30) == -9
    child.stdout.close()
    journal, again = Journal(file), Batches()
    assert ask_all(again, journal, WORDS) == replies
    assert again.batches == batches[2:]
    journal.close()


def test_a_wave_that_was_cut_off_and_goes_on_in_other_batches_does_those_again_that_are_not_whole(
    tmp_path: Path, journal: Journal
) -> None:
    _, batches = unbroken(tmp_path, batch_size=3)
    with pytest.raises(EngineUnavailable):
        ask_all(Batches(batch_size=4, fail_at=1), journal, WORDS)
    again = Batches(batch_size=3)
    assert ask_all(again, journal, WORDS).keys() == set(WORDS)
    assert again.batches == batches[1:]  # the first four replies were kept: one batch of three and a part of the next


def test_replies_kept_by_an_earlier_other_plan_are_not_paid_again(journal: Journal) -> None:
    early = ask_all(Batches(), journal, WORDS[:6])
    engine = Batches()
    with Caller(engine, journal) as caller:
        late = [reply.text for reply in caller.ask_all([request(text) for text in WORDS])]
        assert (caller.num_hits, caller.num_calls) == (6, 8)
    assert late[:6] == [early[text] for text in WORDS[:6]]
    assert sorted(text for batch in engine.batches for text in batch) == sorted(WORDS[6:])


def test_a_finished_run_is_answered_from_the_journal_alone(journal: Journal) -> None:
    first = ask_all(Batches(), journal, WORDS)
    engine = Batches(fail_at=0)
    with Caller(engine, journal) as caller:
        assert [reply.text for reply in caller.ask_all([request(text) for text in WORDS])] == list(first.values())
        assert (caller.num_hits, caller.num_calls) == (len(WORDS), 0)
    assert journal.stats()[0]["num_hits"] == len(WORDS)


def test_another_revision_of_the_model_is_asked_anew(journal: Journal) -> None:
    ask_all(Batches(), journal, WORDS[:4])
    engine = Batches()
    engine.revision = "2"
    ask_all(engine, journal, WORDS[:4])
    assert len(engine.batches) == 1


def test_one_request_of_many_chains_is_paid_once(journal: Journal) -> None:
    for engine in (Batches(), Server()):
        with Caller(engine, journal) as caller:
            replies = caller.ask_all([request("the same") for _ in range(5)])
        assert len({reply.text for reply in replies}) == 1
        assert (engine.batches if isinstance(engine, Batches) else [tuple(engine.asked)]) == [("the same",)]


async def chain(caller: Caller, name: str, num_asks: int) -> list[str]:
    """Asks `num_asks` times, each time with the reply before in its chat."""
    chat, replies = request(f"{name}, first").chat, []
    for number in range(num_asks):
        reply = await caller.ask(Request(chat, Sampling()))
        replies.append(reply.text)
        turns = (assistant(reply.text), Message(role="user", content=f"{name}, ask {number}"))
        chat = chat._replace(messages=(*chat.messages, *turns))
    return replies


LENGTHS = {"a": 1, "b": 4, "c": 2, "d": 0, "e": 4}


def run_chains(engine: Batches | Server, journal: Journal) -> dict[str, list[str]]:
    with Caller(engine, journal) as caller:
        results = caller.run([chain(caller, name, num_asks) for name, num_asks in LENGTHS.items()])
    return dict(zip(LENGTHS, results, strict=True))


@pytest.mark.parametrize("engine", [Batches(), Server()], ids=["batches", "one by one"])
def test_chains_of_different_lengths_all_finish(journal: Journal, engine: Batches | Server) -> None:
    results = run_chains(engine, journal)
    assert {name: len(replies) for name, replies in results.items()} == LENGTHS
    if isinstance(engine, Batches):
        waves = [sorted(text[0] for text in batch) for batch in engine.batches]
        assert waves == [["a", "b", "c", "e"], ["b", "c", "e"], ["b", "e"], ["b", "e"]]


@pytest.mark.parametrize("fail_at", range(4))
def test_chains_that_were_cut_off_go_on_to_the_same_end(tmp_path: Path, journal: Journal, fail_at: int) -> None:
    other = Journal(tmp_path / "unbroken.sqlite")
    whole = Batches()
    results = run_chains(whole, other)
    other.close()
    with pytest.raises(EngineUnavailable):
        run_chains(Batches(fail_at=fail_at), journal)
    again = Batches()
    assert run_chains(again, journal) == results
    assert again.batches == whole.batches[fail_at:]


def test_no_chains_are_no_calls(journal: Journal) -> None:
    with Caller(Batches(fail_at=0), journal) as caller:
        assert caller.run([]) == []
        assert caller.ask_all([]) == []


def test_a_chain_that_fails_ends_the_others_and_pays_for_nothing_more(journal: Journal) -> None:
    async def fail(caller: Caller) -> list[str]:
        await caller.ask(request("one"))
        raise EngineError("cannot be read", "look at it")

    engine = Batches()
    with Caller(engine, journal) as caller, pytest.raises(EngineError, match="cannot be read"):
        caller.run([chain(caller, "a", 3), fail(caller), chain(caller, "b", 3)])
    assert len(engine.batches) == 1


def test_one_by_one_calls_are_bounded_and_all_answered(journal: Journal) -> None:
    engine = Server(concurrency=3)
    assert ask_all(engine, journal, WORDS) == {text: f"reply to {text}" for text in WORDS}
    assert engine.num_most == 3
    assert sorted(engine.asked) == sorted(WORDS)


def test_an_error_ends_the_run_and_what_was_answered_is_kept(journal: Journal) -> None:
    broken = Server(fail_on=WORDS[8])
    with pytest.raises(EngineUnavailable, match="the server is down") as raised:
        ask_all(broken, journal, WORDS)
    assert raised.value.hint == "start it"
    assert 0 < len(broken.asked) < len(WORDS)
    assert journal.stats()[0]["failures: EngineUnavailable"] == 1
    again = Server()
    assert ask_all(again, journal, WORDS) == {text: f"reply to {text}" for text in WORDS}
    assert sorted(again.asked) == sorted(set(WORDS) - set(broken.asked))


def test_chains_that_never_began_are_not_left_behind(journal: Journal) -> None:
    """A coroutine that was never awaited would be a warning, and warnings are errors here."""

    async def leave() -> list[str]:
        raise SystemExit(3)  # stops the event loop where it stands

    with pytest.raises(SystemExit), Caller(Server(), journal) as caller:
        caller.run([leave(), *(chain(caller, str(number), 1) for number in range(5))])
    gc.collect()
    assert journal.stats() == []


@pytest.mark.parametrize(
    "engine",
    [Batches(fail_at=1, interrupt=True), Server(fail_on="c, first", interrupt=True)],
    ids=["batches", "one by one"],
)
def test_an_interrupt_comes_out_as_itself_and_leaves_nothing_behind(
    journal: Journal, engine: Batches | Server, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_chains(engine, journal)
    gc.collect()
    assert caplog.text == ""  # asyncio logs tasks whose end nobody saw
    assert {name: len(replies) for name, replies in run_chains(Server(), journal).items()} == LENGTHS


def test_each_reply_is_reported_with_whether_it_was_kept(journal: Journal) -> None:
    ask_all(Batches(), journal, WORDS[:3])
    reports: list[tuple[str, bool]] = []
    with Caller(Batches(), journal, lambda reply, hit: reports.append((reply.text, hit))) as caller:
        replies = caller.ask_all([request(text) for text in WORDS[:5]])
        assert caller.num_tokens == sum(reply.num_tokens for reply in replies)
    assert sorted(text for text, _ in reports) == sorted(reply.text for reply in replies)
    assert [hit for _, hit in reports] == [True] * 3 + [False] * 2


def hang_in_the_third_batch(file: Path) -> None:
    class Hanging(Batches):
        def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
            if len(self.batches) == 2:
                print("in the third batch", flush=True)
                time.sleep(60)
            return super().generate(requests, seed)

    ask_all(Hanging(), Journal(file), WORDS)


if __name__ == "__main__":
    hang_in_the_third_batch(Path(sys.argv[1]))


def test_another_seed_of_the_run_is_another_seed_of_each_batch(tmp_path: Path) -> None:
    texts = []
    for seed in (0, 1, 1):
        journal = Journal(tmp_path / f"{len(texts)}.sqlite")
        with Caller(Batches(), journal, seed=seed) as caller:
            texts.append([reply.text for reply in caller.ask_all([request(word) for word in WORDS])])
        journal.close()
    assert texts[0] != texts[1] == texts[2]


def test_every_engine_that_a_recipe_can_name_has_a_row_in_the_table_that_opens_it() -> None:
    union, _ = get_args(EngineSettings)  # of the union and what tells its members apart
    assert {engine.model_fields["kind"].default for engine in get_args(union)} == set(ENGINES)
    for place in ENGINES.values():
        package, _, name = place.partition(":")
        assert callable(getattr(import_module(f"insightv_bench.engines.{package}"), name))


def test_a_server_whose_model_thinks_at_once_is_known_as_such_for_kept_replies_too(tmp_path: Path) -> None:
    server = Server()
    with Caller(server, Journal(tmp_path / "journal.sqlite")) as caller:
        assert [reply.opened for reply in caller.ask_all([request(WORDS[0])])] == [False]
    server.opens_thought = True
    with Caller(server, Journal(tmp_path / "journal.sqlite")) as caller:
        assert [reply.opened for reply in caller.ask_all([request(word) for word in WORDS[:2]])] == [True, True]
        assert (caller.num_hits, caller.num_calls) == (1, 1)
