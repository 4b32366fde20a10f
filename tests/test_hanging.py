"""Nothing hangs or dies of a small file: pictures, parquet, text, YAML; an odd row is left out with its reason."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from insightv_bench.builders.sources.table import read_local
from insightv_bench.errors import InsightvError, RecipeError, SourceError
from insightv_bench.records import Question
from insightv_bench.settings import JsonlSource, ParquetSource, load_recipe
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.sources import check_image
from insightv_bench.sources.benchmarks import BENCHMARKS
from insightv_bench.sources.benchmarks.mmstar import parted
from insightv_bench.sources.benchmarks.shared import PIXEL
from insightv_bench.stages import Dropped

COLUMNS = {"question": "question", "answer": "answer", "image": "image"}
GOOD = {"question": "How many?", "answer": "4", "image": PIXEL}
PIXELS = 50_000_000


def rows_of(file: Path, **reader: Any) -> list[Question | Dropped]:
    kind, source = (ParquetSource, "parquet") if file.suffix == ".parquet" else (JsonlSource, "jsonl")
    how = reader or {"columns": COLUMNS}
    settings = kind.model_validate({"source": source, "path": str(file), "name": "n", "license": "x", **how})
    return list(read_local(settings, Counter()).questions())


def parquet(folder: Path, rows: dict[str, Any] | pa.Table, **options: Any) -> Path:
    table = rows if isinstance(rows, pa.Table) else pa.table(rows)
    pq.write_table(table, folder / "data.parquet", compression="zstd", **options)
    return folder / "data.parquet"


def gif_of_comments(num_bytes: int) -> bytes:
    block = b"\xff" + b"x" * 255
    body = b"!\xfe" + block * (num_bytes // len(block)) + b"\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + body + b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"


@pytest.mark.slow
def test_a_picture_is_decoded_for_so_long_and_no_longer() -> None:
    """An 8 MB GIF of comments took 23 s."""
    started = time.process_time()
    assert check_image(gif_of_comments(16_000_000), PIXELS).problem == "image takes too long to decode"
    assert time.process_time() - started < 6
    assert check_image(gif_of_comments(1_000), PIXELS).image


def test_a_slow_decoder_is_told_that_there_is_no_more() -> None:
    from insightv_bench.sources import TimedBytes

    slow = TimedBytes(b"x" * 10_000_000, seconds=0.1)
    with pytest.raises(OSError, match="too long"):
        while True:
            slow.seek(0)
            slow.read()


@pytest.mark.parametrize(
    "text",
    [
        "x\nOptions: A: " + ", B: " * 1_000 + "x" * 100,
        "q " + "Options: A: 1, " * 800,
        " " * 4_800,
        "q Options: A: a, B: b, C: c, " + " , D" * 2_000,
        "q Options: A: " + ", B: b, C: c" * 3_000 + ", D: d.",
    ],
)
def test_a_readers_time_is_linear_in_its_row(text: str) -> None:
    started = time.process_time()
    parted(text)
    BENCHMARKS["mmstar"].layout.draft({"question": text * 5, "answer": "A"})
    assert time.process_time() - started < 1


def test_options_are_parted_as_before() -> None:
    assert parted("Which?\nOptions: A: red, B: blue, C: green, D: dark, green.") == (
        "Which?",
        ("red", "blue", "green", "dark, green"),
    )
    assert parted("Which? Options: A: red, B: blue") == ("Which? Options: A: red, B: blue", ())


def test_every_row_of_every_readers_texts_is_read_in_time() -> None:
    """Repeated pieces of the marks that readers look for, in every column."""
    pieces = ("![", "[asy]", "<image ", "Options: A:", ", B:", "\n \n", "**step", "\\boxed{", "$", "(", "A. ", "['")
    for name, benchmark in BENCHMARKS.items():
        for piece in pieces:
            row = {
                column: piece * (90_000 // len(piece)) if isinstance(value, str) else value
                for column, value in benchmark.example.items()
            }
            started = time.process_time()
            benchmark.layout.draft(row)
            assert time.process_time() - started < 3, (name, piece)


@pytest.mark.parametrize(
    ("reader", "odd"),
    [
        ("mathvista", {"answer_type": "float", "precision": float("nan")}),
        ("mathvista", {"precision": float("inf"), "answer_type": "float"}),
        ("mathvista", {"metadata": "text"}),
        ("mathvista", {"metadata": ["x"], "choices": {"a": 1}}),
        ("mmmu", {"question": f"<image {'9' * 5_000}> Who?"}),
        ("mmmu", {"options": "[" * 5_000}),
        ("mmmu", {"answer": "[" + "9" * 5_000 + "]"}),
        ("scienceqa", {"answer": 10**400}),
        ("scienceqa", {"choices": 5}),
        ("chartqa", {"answer": [[["x"]]]}),
    ],
)
def test_an_odd_row_is_left_out_with_its_reason_or_read(reader: str, odd: dict[str, Any], tmp_path: Path) -> None:
    example = {**BENCHMARKS[reader].example, **odd}
    image = {"bytes": None, "path": "1.png"}
    (tmp_path / "1.png").write_bytes(PIXEL["bytes"])  # type: ignore[arg-type]
    row = {name: image if value is PIXEL else value for name, value in example.items()}
    file = tmp_path / "data.jsonl"
    file.write_text(
        json.dumps(row)
        + "\n"
        + json.dumps(
            {**row, **BENCHMARKS[reader].example, **{name: image for name, value in example.items() if value is PIXEL}}
        )
        + "\n"
    )
    first, second = rows_of(file, reader=reader)
    assert isinstance(first, Question) or first.reason
    assert isinstance(second, Question) or "another answer" in second.reason  # than the odd one's


def test_values_that_python_has_none_for_cost_their_row_alone(tmp_path: Path) -> None:
    far = pa.array([10**14, 0], pa.timestamp("s"))
    nowhere = pa.array([0, 0], pa.timestamp("s", tz="Mars/Olympus"))
    broken = pa.Array.from_buffers(pa.string(), 2, [None, *pa.array([b"\xff\xfe", b"4"], pa.binary()).buffers()[1:]])
    for odd in (far, nowhere, broken):
        table = pa.table({"question": ["How many?"] * 2, "answer": odd, "image": [PIXEL] * 2})
        rows = rows_of(parquet(tmp_path, table))
        assert len(rows) == 2 and isinstance(rows[0], Dropped)
        assert "cannot be read" in rows[0].reason or "no" in rows[0].reason


@pytest.mark.slow
def test_a_small_parquet_file_does_not_become_all_the_memory(tmp_path: Path) -> None:
    """5 MB of one text a thousand times; a list of 300,000 pictures; more rows than bytes."""
    import resource

    def repeated(text: str, num: int) -> Path:
        texts = pa.DictionaryArray.from_arrays(pa.array([0] * num, pa.int32()), [text])
        return parquet(tmp_path, pa.table({"question": texts, "answer": ["4"] * num, "image": [PIXEL] * num}))

    file = repeated("x" * 900_000, 6_000)
    assert file.stat().st_size < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reasons = Counter(row.reason for row in rows_of(file) if isinstance(row, Dropped))
    assert reasons == {"`question` is longer than 100,000 characters": 6_000}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kB
    plain = pa.table({name: ["x" * 2**20] * 80 for name in COLUMNS})
    pq.write_table(plain, file, compression="zstd", use_dictionary=False)
    with pytest.raises(SourceError, match="unpacks to 8"):
        rows_of(file)
    one = {name: [GOOD[name]] for name in ("question", "answer")}
    pictures = parquet(tmp_path, {**one, "image": [[PIXEL] * 300_000]})
    with pytest.raises(SourceError, match="holds 300,000 items in 1 rows"):
        rows_of(pictures)
    some = {name: [GOOD[name]] * 50 for name in ("question", "answer")}
    (first, *rest) = rows_of(parquet(tmp_path, {**some, "image": [[PIXEL] * 5_000] + [[PIXEL]] * 49}))
    assert isinstance(first, Dropped) and "list of more than 1,000" in first.reason
    assert all(isinstance(row, Question) or row.reason == "duplicate" for row in rest)
    nulls = pa.table({name: pa.nulls(3_000_000, pa.string()) for name in COLUMNS})
    with pytest.raises(SourceError, match="rows, and has"):
        rows_of(parquet(tmp_path, nulls))


LAUGHS = "\n".join(
    [f"a0: &a0 [{', '.join('x' * 9)}]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
)
MERGES = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, 40))])


@pytest.mark.parametrize(
    "text",
    [
        "name: " + "[" * 5_000,
        "name: " + "{a: " * 5_000,
        LAUGHS,
        MERGES,
        "name: &a [*a]",
        "name: &a {b: *a}",
        "name: " + "x" * 300_000,
        "name: !!python/object/apply:os.system [true]",
        "seed: " + "9" * 5_000,
        "name: !!int x",
        "name: 2001-99-99",
        "name: !!timestamp x",
        "? [a]\n: b",
        "? {a: b}\n: c",
        "name: \x00",
        "- a",
        "",
        "name: !!binary x",
        "<<: 1",
    ],
)
def test_yaml_has_bounds_and_is_one_clear_error(text: str) -> None:
    started = time.process_time()
    with pytest.raises(RecipeError):
        parse_recipe(text, "mine", [])
    with pytest.raises(RecipeError):
        load_recipe("walk", [f"name={text}" if text else "name"])
    assert time.process_time() - started < 5


@pytest.mark.slow
def test_no_value_of_any_recipe_key_is_a_traceback() -> None:
    """1,500 recipes with one to three keys set to something odd."""
    chance = random.Random(0)
    content = yaml.safe_load(load_recipe("walk").model_dump_json())
    odd = [
        None,
        True,
        -1,
        10**400,
        1e308,
        float("nan"),
        "",
        "x" * 1000,
        "\u2028",
        "\ud800",
        [],
        [[]],
        {},
        {"a": {}},
        [None],
    ]
    paths = [path for path in walk(content) if path]
    for _ in range(1_500):
        changed = json.loads(json.dumps(content))
        for path in chance.sample(paths, chance.randint(1, 3)):
            place = changed
            try:
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] = chance.choice(odd)
            except (KeyError, IndexError, TypeError):
                continue
        try:
            parse_recipe(yaml.safe_dump(changed), "mine", [])
        except InsightvError:
            pass
        except yaml.YAMLError:
            pass  # what this test could not write


def walk(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, one in inner for each in walk(one, (*path, key)))]


@pytest.mark.slow
def test_a_mutated_file_is_a_clear_error_or_rows(tmp_path: Path) -> None:
    """3,000 files of each kind with bytes changed, cut or doubled: 110 s of processor when it was written."""
    chance = random.Random(1)
    table = pa.table({name: [GOOD[name]] * 20 for name in COLUMNS})
    wholes = [
        parquet(tmp_path, table).read_bytes(),
        "".join(json.dumps({**GOOD, "image": "1.png"}) + "\n" for _ in range(20)).encode(),
    ]
    (tmp_path / "1.png").write_bytes(PIXEL["bytes"])  # type: ignore[arg-type]
    for number in range(6_000):
        whole, ending = wholes[number % 2], ("parquet", "jsonl")[number % 2]
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            place = chance.randrange(len(content))
            content[place : place + chance.randint(0, 4)] = bytes(
                chance.randrange(256) for _ in range(chance.randint(0, 4))
            )
        file = tmp_path / f"mutated.{ending}"
        file.write_bytes(content)
        try:
            assert all(isinstance(row, Question) or row.reason for row in rows_of(file))
        except InsightvError as error:
            assert str(error)


@pytest.mark.slow
def test_hypothesis_finds_no_row_of_any_reader_that_raises(tmp_path: Path) -> None:
    """100 rows a reader: 15 s of processor when it was written."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    texts = st.text(max_size=60)
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
    )
    (tmp_path / "1.png").write_bytes(PIXEL["bytes"])  # type: ignore[arg-type]
    for name, benchmark in BENCHMARKS.items():
        columns = list(benchmark.example)

        @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.dictionaries(st.sampled_from(columns), values))
        def read(odd: dict[str, Any]) -> None:
            image = {"bytes": None, "path": "1.png"}
            row = {key: image if value is PIXEL else value for key, value in benchmark.example.items()}  # noqa: B023
            file = tmp_path / "data.jsonl"
            file.write_text(json.dumps({**row, **odd}) + "\n")
            assert all(isinstance(one, Question) or one.reason for one in rows_of(file, reader=name))  # noqa: B023

        read()
