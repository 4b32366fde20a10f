"""The Hub: what is pushed is what is loaded and pulled, once, by the real client; every refusal is one clear line.

The client is the real `huggingface_hub` in processes of their own, since it reads its endpoint when it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hub_server import READER, WRITER, Hub, commit_id, serving

from insightv_bench.errors import HubError
from insightv_bench.hub import files_of
from insightv_bench.hub.scan import guard_secrets
from insightv_bench.hub.transfer import check_sums, claim, kind_of, stale_of
from insightv_bench.runs import run
from insightv_bench.settings import load_recipe

COMMAND = str(Path(sys.executable).with_name("insightv-bench"))
SETTINGS = ["questions.train.num=40", "questions.test.num=10", "corpora.summary_num=60", "release.shard_bytes=30000"]
NAME = "org/corpora"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    run(load_recipe("corpora", SETTINGS), out, "release")
    return next(out.glob("*/stages/release-*/*/SHA256SUMS")).parent


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


def environment(hub: Hub, home: Path, token: str) -> dict[str, str]:
    own = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home / "hf"), "HF_TOKEN": token}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return {**inherited, **own, "HF_HUB_DISABLE_TELEMETRY": "1"}


def bench(hub: Hub, home: Path, token: str, *words: object) -> subprocess.CompletedProcess[str]:
    return asked(hub, home, token, [COMMAND, *map(str, words)])


def python(hub: Hub, home: Path, token: str, code: str) -> subprocess.CompletedProcess[str]:
    return asked(hub, home, token, [sys.executable, "-c", code])


def asked(hub: Hub, home: Path, token: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=home, env=environment(hub, home, token), capture_output=True, text=True, timeout=120, check=False
    )
    assert not token or token not in done.stdout + done.stderr
    return done


def contents(folder: Path) -> dict[str, bytes]:
    """Files by name, without the client's own and ours about the pull."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes() for name, path in files.items() if not name.startswith(".") and name != "pulled.json"
    }


LOAD = """
import hashlib, datasets, json
rows = datasets.load_dataset("{name}", "summary", revision="{revision}")["train"]
stream = datasets.load_dataset("{name}", "preference", split="train", streaming=True)
first = next(iter(stream))
flawed = datasets.load_dataset("{name}", "flawed", split="test")
raw = rows.cast_column("images", datasets.List(datasets.Image(decode=False)))[0]
print(json.dumps(dict(
    num=len(rows), columns=rows.column_names, side=rows[0]["images"][0].size, prompt=rows[0]["prompt"][0]["role"],
    same=hashlib.sha256(raw["images"][0]["bytes"]).hexdigest() == raw["image_sha256"][0],
    streamed=[first["chosen"][0]["role"], first["images"][0].size, first["round"]], flawed=len(flawed),
    configs=datasets.get_dataset_config_names("{name}"))))
"""


@pytest.mark.slow
def test_a_release_is_pushed_loaded_streamed_and_pulled_back_byte_for_byte(
    hub: Hub, release: Path, tmp_path: Path
) -> None:
    pushed = bench(hub, tmp_path, WRITER, "push", release, NAME, "--private")
    assert pushed.returncode == 0, pushed.stderr
    assert hub.num_commits("datasets", NAME) == 1 and hub.repos["datasets", NAME].private
    assert hub.files("datasets", NAME) == contents(release)
    revision = commit_id(1)
    assert f"revision {revision}" in pushed.stdout

    loaded = python(hub, tmp_path, READER, LOAD.format(name=NAME, revision=revision))
    assert loaded.returncode == 0, loaded.stderr
    found = json.loads(loaded.stdout.splitlines()[-1])
    assert found["num"] == 60 and found["same"] and found["side"] == [48, 48] and found["prompt"] == "user"
    assert found["columns"][-5:] == ["prompt", "completion", "kind", "score_range", "path_correct"]
    assert found["streamed"] == ["assistant", [48, 48], 0] and found["flawed"] == 20
    assert sorted(found["configs"]) == ["flawed", "preference", "reasoning", "summary"]

    pulled = bench(hub, tmp_path, READER, "pull", NAME, "--revision", revision, "--out", "here")
    assert pulled.returncode == 0, pulled.stderr
    assert f"dataset in here\nrevision {revision}" in pulled.stdout
    assert contents(tmp_path / "here") == contents(release)
    assert all(WRITER.encode() not in c and READER.encode() not in c for c in every_file(tmp_path))


def every_file(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


AGAIN = """
from pathlib import Path
from insightv_bench.hub import push
folder = Path("folder")
print(push(folder, "org/again").revision)
print(push(folder, "org/again").revision)
(folder / "summary/train/data-00001.parquet").unlink()
(folder / "notes.txt").write_text("new")
print(push(folder, "org/again").revision)
"""


def test_a_push_is_one_commit_none_where_nothing_changed_and_takes_stale_shards_away(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "summary/train").mkdir(parents=True)
    for number in range(2):
        (folder / f"summary/train/data-0000{number}.parquet").write_bytes(b"PAR1" + bytes([number]) * 100)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    done = python(hub, tmp_path, WRITER, AGAIN)
    assert done.stdout.split() == [commit_id(1), commit_id(1), commit_id(2)], done.stderr
    assert set(hub.files("datasets", "org/again")) == {"README.md", "notes.txt", "summary/train/data-00000.parquet"}


@pytest.mark.slow
def test_a_killed_push_sends_nothing_twice(hub: Hub, release: Path, tmp_path: Path) -> None:
    """Killed by force once three files have arrived whole."""
    hub.uploads_before_stall = 3
    words = [COMMAND, "push", str(release), NAME]
    process = subprocess.Popen(
        words, env=environment(hub, tmp_path, WRITER), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert hub.stalled.wait(60)
    process.kill()
    process.wait()
    hub.go_on.set()
    hub.uploads_before_stall = None
    assert len(hub.uploads) == 3 and hub.num_commits("datasets", NAME) == 0
    again = bench(hub, tmp_path, WRITER, "push", release, NAME)
    assert again.returncode == 0, again.stderr
    assert len(hub.uploads) == len(set(hub.uploads)) > 3
    assert hub.num_commits("datasets", NAME) == 1 and hub.files("datasets", NAME) == contents(release)


@pytest.mark.slow
def test_what_another_pushed_meanwhile_is_not_overwritten_unseen(hub: Hub, release: Path, tmp_path: Path) -> None:
    hub.overtake = True
    lost = bench(hub, tmp_path, WRITER, "push", release, NAME)
    assert lost.returncode == 1 and "Traceback" not in lost.stderr
    assert "was changed by another while this push ran" in lost.stderr
    assert set(hub.files("datasets", NAME)) == {"theirs.txt"}
    again = bench(hub, tmp_path, WRITER, "push", release, NAME)
    assert again.returncode == 0, again.stderr
    assert hub.files("datasets", NAME) == {**contents(release), "theirs.txt": b"theirs"}


REFUSALS = """
import json, os
from pathlib import Path
from insightv_bench.errors import HubError
from insightv_bench.hub import pull, push
def tried(token, call, *words):
    os.environ["HF_TOKEN"] = token
    try:
        call(*words)
    except HubError as error:
        print(json.dumps([error.fact, error.hint]))
    else:
        print('["nothing was refused", ""]')
folder = Path("folder")
tried("", push, folder, "org/x")
tried("hf_wrongwrongwrongwrongwrongwrongwrong", push, folder, "org/x")
tried("{reader}", push, folder, "org/x")
tried("{writer}", push, folder, "no/such/name")
tried("", pull, "org/secret", "", Path("p1"))
tried("{reader}", pull, "org/absent", "", Path("p2"))
tried("{reader}", pull, "org/secret", "v9", Path("p3"))
tried("{reader}", pull, "org/secret", "", Path("folder"))
"""


def test_every_refusal_is_one_line_with_a_hint(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/x.txt").write_text("x")
    ready = python(
        hub,
        tmp_path,
        WRITER,
        "from insightv_bench.hub.transfer import push, Path; push(Path('folder'), 'org/secret', private=True)",
    )
    assert ready.returncode == 0, ready.stderr
    done = python(hub, tmp_path, "", REFUSALS.format(reader=READER, writer=WRITER))
    assert done.returncode == 0, done.stderr
    facts, hints = zip(*map(json.loads, done.stdout.splitlines()), strict=True)
    assert facts == (
        "there is no Hub token, and a push needs one",
        "the Hub does not know this token, or dataset `org/x` is private or absent",
        "this token has no write access to dataset `org/x`",
        "`no/such/name` is not a repository's name",
        "the Hub does not know this token, or repository `org/secret` is private or absent",
        "there is no repository `org/absent`, or it is private and this token may not see it",
        "repository `org/secret` has no such revision",
        "`folder` holds something else",
    )
    assert all(hints) and not any(token in done.stdout + done.stderr for token in (WRITER, READER, "hf_wrong"))
    assert set(hub.repos) == {("datasets", "org/secret")}


@pytest.mark.slow
def test_a_hub_in_trouble_and_one_that_is_not_there(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/x.txt").write_text("x")
    hub.status = 503
    down = bench(hub, tmp_path, WRITER, "push", "folder", "org/x")
    assert (
        down.returncode == 1 and "Traceback" not in down.stderr and "the Hub is in trouble (status 503)" in down.stderr
    )
    with absent() as nowhere:
        gone = bench(nowhere, tmp_path, WRITER, "push", "folder", "org/x")
    assert gone.returncode == 1 and "Traceback" not in gone.stderr and "the Hub cannot be reached" in gone.stderr


@contextmanager
def absent() -> Iterator[Hub]:
    """An address where nobody listens."""
    with serving() as hub:
        pass
    yield hub


MODEL = """
from pathlib import Path
from insightv_bench.hub import pull, push
pushed = push(Path("model"), "org/agent")
print(pushed.left_out)
print(*pull("org/agent", "", Path("back"))[1:])
"""


@pytest.mark.slow
def test_models_travel_as_safetensors_alone(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "training_args.bin", "modeling_own.py"):
        (folder / name).write_text(name)
    done = python(hub, tmp_path, WRITER, MODEL)
    assert done.stdout.splitlines() == [
        "('modeling_own.py', 'training_args.bin')",
        f"model {commit_id(1)}",
    ], done.stderr
    assert set(contents(tmp_path / "back")) == {"config.json", "model.safetensors"}
    hub.repos["models", "org/agent"].commits[-1]["pytorch_model.bin"] = hub.put(b"pickle")
    del hub.repos["models", "org/agent"].commits[-1]["model.safetensors"]
    refused = bench(hub, tmp_path, WRITER, "pull", "org/agent", "--out", "again")
    assert "holds no `.safetensors`" in refused.stderr and not (tmp_path / "again/pytorch_model.bin").exists()


def refused(call: object, *words: object) -> str:
    with pytest.raises(HubError) as found:
        call(*words)  # type: ignore[operator]
    assert found.value.hint
    return found.value.fact


def test_what_must_not_be_pushed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "secret.txt"
    outside.write_text("s")
    assert "is not a folder" in refused(kind_of, folder)
    folder.mkdir()
    assert "holds nothing to push" in refused(files_of, folder, "dataset")
    (folder / ".env").write_text("x")
    assert "holds nothing to push" in refused(files_of, folder, "dataset")
    (folder / "notes.txt").write_text(f"token {WRITER}")
    assert "holds your Hub token" in refused(guard_secrets, {"notes.txt": folder / "notes.txt"}, WRITER)
    assert "safetensors" in refused(files_of, folder, "model")
    (folder / "link.txt").symlink_to(outside)
    assert "a link to a file outside" in refused(files_of, folder, "dataset")
    (folder / "run.json").write_text("{}")
    assert "is a whole run" in refused(kind_of, folder)
    (folder / "own-1a2b3c4d").mkdir()
    (folder / "own-1a2b3c4d/SHA256SUMS").touch()
    assert "is a stage's folder" in refused(kind_of, folder)


def test_a_push_takes_away_only_what_lies_beside_its_own_files() -> None:
    there = ["a/train/data-00000.parquet", "a/train/data-00001.parquet", "b/train/data-00000.parquet", "a/train/x.txt"]
    assert stale_of(["a/train/data-00000.parquet", "README.md"], there) == ["a/train/data-00001.parquet"]


def test_checksums_of_another_spelling_are_read_and_other_lines_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "SHA256SUMS").write_text(f"# sums\n{empty} *x\n")
    check_sums(tmp_path)


def test_a_pull_does_not_mix_with_another(tmp_path: Path) -> None:
    mine, out = {"repo": "org/a", "kind": "dataset", "revision": "1" * 40}, tmp_path / "out"
    claim(out, mine)
    claim(out, mine)
    assert "holds `org/a` at 111111111111" in refused(claim, out, {**mine, "revision": "2" * 40})


def test_a_file_that_is_not_the_releases_is_named(release: Path, tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  README.md\n")
    (tmp_path / "README.md").write_text("x")
    assert "is not the file of the release" in refused(check_sums, tmp_path)
    check_sums(release)
