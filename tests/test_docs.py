"""What README and docs name is there: files, modules, functions, commands, options, recipes, make targets, links."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import typer
from house_counts import GROUND, ORDER, ROOMS, ROOT, sources

from insightv_bench.cli.main import COMMANDS, app
from insightv_bench.settings import Recipe, recipe_names

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BY_NAME = [file.name for file in DOCS]
TOPS = (GROUND, *ROOMS, "tests", "docs")
OF_OTHERS = {
    "--disable-radix-cache",
    "--multi_gpu",
    "--use_cache",
    "--tensor-parallel-size",
    "--data-parallel-size",
    "--generation-config",
    "--sampling-defaults",
    "--no-loop",
    "--wheels",
}
"""Options of other programs that are spoken of and not shown in a command."""
OWN_RECIPE = re.compile(r"[A-Z_]+|my-.*|mine.*|.*\.yaml")
"""A place for the reader's own."""


class Fence(NamedTuple):
    language: str
    text: str


def fences(text: str) -> list[Fence]:
    return [Fence(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)]


def spans(text: str) -> list[str]:
    """What stands in backticks, in no fence."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", plain)]


def shell_lines(text: str) -> list[str]:
    lines = [fence.text.replace("\\\n", " ") for fence in fences(text) if fence.language in ("bash", "")]
    return [line.partition(" #")[0] for block in lines for line in block.splitlines()]


def read(name: str) -> str:
    return next(file for file in DOCS if file.name == name and (name != "README.md" or file.parent == ROOT)).read_text(
        encoding="utf-8"
    )


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("file", DOCS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_link_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        if re.match(r"\w+:", target):
            continue
        path, _, part = target.partition("#")
        place = (file.parent / path).resolve() if path else file
        assert place.exists(), target
        if part:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.M)
            assert part in map(anchor, headings), target


def test_the_index_names_every_document() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in DOCS if f"]({file.name})" not in index and file.name != "README.md"] == []


@pytest.mark.parametrize("file", DOCS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_file_that_is_named_is_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    beside = {each.name for top in TOPS for each in (ROOT / top).rglob("*") if "__pycache__" not in each.parts}
    for word in {word for piece in [*spans(text), *shell_lines(text)] for word in piece.split()}:
        name = word.strip(",;:()\"'").partition("::")[0].rstrip("/")
        if name.split("/")[0] in TOPS and "/" in name:
            assert list(ROOT.glob(name)), word
        elif re.fullmatch(r"[\w-]+\.py", name):
            assert name in beside, word


def test_every_file_that_a_comment_or_a_docstring_names_is_there() -> None:
    """In a face: in that package."""
    everywhere = {file.name for file in sources("tests", GROUND, *ROOMS)}
    gone = []
    for file in sources("tests", GROUND, *ROOMS):
        known = {each.name for each in file.parent.rglob("*.py")} if file.name == "__init__.py" else everywhere
        for word in re.findall(r"(?<![\w./*-])[\w/-]+\.(?:py|md)\b", said_in(file)):
            if word.split("/")[0] in TOPS:
                is_there = any(ROOT.glob(word))
            else:  # what runs write and what others' projects hold is not here
                is_there = "/" in word or word in known or word.removesuffix(".md").islower()
            is_there = is_there or (ROOT / word).exists()
            gone += [] if is_there else [f"{file.relative_to(ROOT)}: {word}"]
    assert gone == []


def said_in(file: Path) -> str:
    """Its comments and docstrings."""
    text = file.read_text(encoding="utf-8")
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Expr)]
    strings = [node.value.value for node in nodes if isinstance(node.value, ast.Constant)]
    comments = re.findall(r"(?m)(?:^|  )#\s(.*)$", text)
    return "\n".join([*comments, *(text for text in strings if isinstance(text, str))])


def test_every_package_says_what_it_is() -> None:
    faces = {file: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "" for file in sources()}
    faces = {file: text for file, text in faces.items() if file.name == "__init__.py"}
    assert [str(file.relative_to(ROOT)) for file, text in faces.items() if not text or "TODO" in text] == []


@pytest.mark.parametrize("file", DOCS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_module_and_function_that_is_named_can_be_imported(file: Path) -> None:
    for span in spans(file.read_text(encoding="utf-8")):
        for name in re.findall(rf"(?<![\w./-])(?:{GROUND}|{'|'.join(ROOMS)})(?:\.\w+)+", span):
            if not name.endswith(".py"):
                imported(name)
        first, dot, rest = span.partition(".")
        if dot and first in ORDER and first not in Recipe.model_fields and re.fullmatch(r"\w+", rest):
            imported(f"{GROUND}.{span}")


def imported(name: str) -> Any:
    """The module or what stands in it. Rooms are named as they lie in the checkout or as they are installed."""
    parts = name.split(".")
    parts = parts if parts[0] == GROUND else [GROUND, *parts]
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


@pytest.mark.parametrize("file", DOCS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_example_in_python_imports_what_is_there(file: Path) -> None:
    """A first line `# folder/file.py` says where the example would stand."""
    for fence in fences(file.read_text(encoding="utf-8")):
        if fence.language != "python":
            continue
        where = re.match(r"# ([\w/]+)\.py\n", fence.text)
        folder = where[1].split("/")[:-1] if where else []
        for node in ast.walk(ast.parse(fence.text)):
            if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith(GROUND)):
                base = folder[: len(folder) - node.level + 1] if node.level else []
                for alias in node.names:
                    imported(".".join([*base, *filter(None, [node.module]), alias.name]))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "iv":
                imported(f"{GROUND}.{node.attr}")


def commands(text: str) -> Iterator[list[str]]:
    """The words after `insightv-bench`, of each command that is shown or spoken of."""
    for line in [*shell_lines(text), *spans(text)]:
        for words in re.findall(r"(?<![\w\[/'-])(?:insightv-bench|-m insightv_bench) ((?:(?!&&|\| | &$).)+)", line):
            yield words.split()
    for span in spans(text):
        first, *rest = span.split() or [""]
        is_group = isinstance(COMMANDS.get(first), typer.Typer)
        if rest and (is_group or (first in COMMANDS and any(word.startswith("--") for word in rest))):
            yield span.split()


@pytest.mark.parametrize("file", DOCS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_command_and_its_options_are_there(file: Path) -> None:
    for words in commands(file.read_text(encoding="utf-8")):
        told = " ".join(words)
        node, rest = typer.main.get_command(app), words
        while rest and hasattr(node, "commands") and not rest[0].startswith("--"):
            names = rest[0].strip(",").split("|")
            assert set(names) <= set(node.list_commands(click.Context(node))), told
            node, rest = node.get_command(click.Context(node), names[-1]), rest[1:]
        if words[0] == "lm-eval":  # lm-eval's own
            continue
        known = {option for parameter in node.params for option in (*parameter.opts, *parameter.secondary_opts)}
        asked = {re.split(r"[=\]|]", word.strip("[],"))[0] for word in rest if word.startswith(("--", "[--"))}
        assert asked <= known | {"--help"}, told
        takes_recipe = any(parameter.metavar in ("RECIPE", "[RECIPE]") for parameter in node.params[:1])
        if takes_recipe and rest and not rest[0].startswith("--"):
            assert rest[0] in recipe_names() or OWN_RECIPE.fullmatch(rest[0].strip(",;")), told


@pytest.mark.parametrize("file", DOCS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_option_that_is_spoken_of_is_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    of_programs = {word.partition("=")[0] for line in shell_lines(text) for word in line.split() if word[:2] == "--"}
    for span in spans(text):
        if span.startswith("--"):
            option = re.split(r"[ =]", span)[0]
            assert option in all_options() | of_programs | OF_OTHERS, span


def all_options() -> set[str]:
    nodes, options = [typer.main.get_command(app)], {"--help", "--metadata", "--include_path"}
    while nodes:
        node = nodes.pop()
        nodes += getattr(node, "commands", {}).values()
        options |= {option for each in node.params for option in (*each.opts, *each.secondary_opts)}
    return options


@pytest.mark.parametrize("file", DOCS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_recipe_and_make_target_that_is_named_is_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for names in re.findall(r"\brecipes? ((?:`[\w-]+`(?:,| and| or)?\s*)+)", text):
        assert [name for name in re.findall(r"`([\w-]+)`", names) if name not in recipe_names()] == []
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for line in [*shell_lines(text), *spans(text)]:
        if found := re.match(r"make ([\w-]+)", line):
            assert found[1] in targets, line


def test_the_floor_plan_and_the_architecture_name_every_package_of_the_ground_floor() -> None:
    plan = next(fence.text for fence in fences(read("README.md")) if fence.text.startswith("insightv_bench/"))
    shown = {word for line in plan.splitlines() if line.startswith("  ") for word in line[2:].split("  ")[0].split()}
    assert shown == set(ORDER) - {"escape", "lazy", "keys", "environment", "__main__"} | {"prompts"}
    table = re.findall(r"^\| (`.*?) \|", read("architecture.md").partition("The four rooms")[0], re.M)
    rows = [name.rstrip("/") for row in table for name in re.findall(r"`([\w/]+)`", row)]
    assert [name for name in rows if name != "prompts"] == [name for name in ORDER if name != "__main__"]


def test_the_readme_is_short() -> None:
    assert len(read("README.md").encode()) < 9_000
