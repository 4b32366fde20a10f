"""Strict YAML -> a typed recipe. An unknown key is an error that names the nearest known one.

A recipe says what a run makes; `run.py` says in which order. This module opens no model and no data.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from insightv_bench.controls import CONTROLS
from insightv_bench.errors import RecipeError
from insightv_bench.profiles import Prompts
from insightv_bench.records import FlawType
from insightv_bench.world import Level

from .base import NAME, Section
from .cluster import RaySettings
from .corpora import CorporaSettings, LessonsSettings, ReleaseSettings
from .errors import explain, nearest
from .evaluation import Control, EvalSettings
from .inheritance import Layer, flatten, merge, stack
from .manner import with_manner, with_prompts_read
from .paths import AssessSettings, CalibrateSettings, FlawsSettings, HardSettings, PathsSettings
from .prereg import Preregistration, read_preregistration, with_claims_read
from .rounds import Given, GivenInputs
from .seats import Seat, seat_name
from .sources import Source
from .stored_paths import AnyPaths
from .training import (
    SMALL_MODEL,
    BaseSettings,
    CostSettings,
    RoundsSettings,
    SummaryOfKSettings,
    SummarySettings,
    TinyModel,
    TrainSettings,
)


class Recipe(Section):
    """A whole run. A part that is left out is a part that is not made."""

    name: str = Field(pattern=NAME)
    extends: str = ""
    """The recipe that this one changes: its name, or a file beside this one's."""
    prereg: Preregistration | None = None
    """The claims that its figures are to show, written down before: a `.yaml` file beside this one."""
    version: str = Field("", pattern=r"^[\w.-]*$")
    """Of what is trained and how. It salts the seeds of drawn test questions, which are made when a run first asks for
    them: after a change nobody has seen them, whatever the seed."""
    seed: int = Field(0, ge=0)
    threads: int = Field(1, ge=1)
    """Threads of torch. The number changes the last bits of a sum, so it is part of the recipe."""
    workers: int = Field(1, ge=1)
    """Stages at once, each in a process of its own. The number changes no result."""
    engine: Literal["local", "ray"] = "local"
    """Where paths, assessments and evaluations ask their models: in this process, or in actors over a Ray cluster."""
    ray: RaySettings = RaySettings()
    world: Level = Level()
    questions: dict[Annotated[str, Field(pattern=NAME)], Source] = Field({}, min_length=1)
    """By name; the name is part of a folder's. None are needed where there are rounds alone."""
    hard: HardSettings | None = None
    """Build paths for those questions alone that the generator gets wrong when it answers directly."""
    paths: AnyPaths | None = None
    assess: AssessSettings = AssessSettings()
    calibrate: CalibrateSettings | None = None
    """The judge under `assess` against the oracle."""
    corpora: CorporaSettings = CorporaSettings()
    flaws: FlawsSettings = FlawsSettings()
    """Flaws for the summary corpus; those of the benchmark stand under `eval`."""
    model: TinyModel = TinyModel()
    cost: CostSettings = CostSettings()
    lessons: LessonsSettings | None = None
    base: BaseSettings | None = None
    """The model that both agents start from."""
    reason: TrainSettings | None = None
    agent_paths: AnyPaths | None = None
    """How the trained reasoning agent is sampled for the summary corpus; or the log of a model's own replies."""
    summary: SummarySettings | None = None
    rounds: RoundsSettings | None = None
    agents: Literal["trained", "shipped"] = "trained"
    """`shipped`: the agents that come with the package take the place of trainings, and nothing is made but the board
    over them; systems that none of them makes are left out."""
    controls: tuple[Control, ...] = ()
    """What is trained beside the method to keep its results honest, each at equal compute."""
    optimal_only: TrainSettings | None = None
    """How the control `optimal-only` is trained; left out, as the summary agent is."""
    held_out: tuple[FlawType, ...] = Field(("arithmetic",), min_length=1)
    """The types of flaws that the control `held-out-flaw` leaves out, one training each."""
    summary_of_k: SummaryOfKSettings | None = None
    """How the control `summary-of-k` is trained; where its trainer says no length, with the summary agent's compute."""
    eval: EvalSettings | None = None
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Run once for each of them, in place of `seed`; the table over all of them comes last."""
    variants: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] = {}
    """By name: keys that are merged over this recipe's. Each is run in a folder of its own, `<name>-<variant>-seed<N>`.

    Commands of one stage alone run the recipe as it is without them."""
    release: ReleaseSettings | None = None
    given: Given = GivenInputs()
    """What takes the place of what the run would make: the corpora of a release, a model."""
    profile: str = ""
    """The family in whose manner the models of `model_seats` and `paths.engine` are asked: a name, a file, or `none`;
    left out, it is told by each model's name, type or chat template."""
    prompts: Prompts = {}
    """Texts, or `.txt` files beside this one, in the place of our prompts: in `eval`, and in `paths` where whole ones
    are asked for."""
    task: str = ""
    """The questions' name on the board; the recipe's own if left out."""
    system: str = "model"
    """The name on the board of the models in `model_seats`."""
    model_seats: dict[Literal["base", "reason", "summary"], Seat] = {}
    """Models from elsewhere to evaluate: for each seat a folder, a Hub id, `openai:URL#NAME`, or an engine. They take
    the place of trained ones."""

    @property
    def base_name(self) -> str:
        """What the agents came from, as the board names it."""
        there = self.base.model if self.base and not self.base.from_nothing else "" if self.base else self.given.model
        made = there or f"{self.world.name}-aya-vision"
        return next(map(seat_name, self.model_seats.values()), made)

    @property
    def from_nothing(self) -> bool:
        """Whether the agents come from a model made here."""
        return not self.given.model and (self.base is None or self.base.from_nothing)

    @property
    def shape(self) -> TinyModel:
        """Of a base from nothing."""
        small = self.base is not None and self.base.model == "small" and "model" not in self.model_fields_set
        return SMALL_MODEL if small else self.model

    @model_validator(mode="before")
    @classmethod
    def _first_seed(cls, content: Any) -> Any:
        """A command of one stage alone works on the first of several seeds."""
        seeds = content.get("seeds") if isinstance(content, dict) else None
        if not isinstance(seeds, list | tuple) or not seeds or "seed" in content:
            return content
        return {**content, "seed": seeds[0]} if isinstance(seeds[0], int) and seeds[0] >= 0 else content

    @model_validator(mode="after")
    def _expandable(self) -> Recipe:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed stands twice among `seeds`")
        for variant, changes in self.variants.items():
            if fixed := [key for key in changes if key in ("name", "extends", "seeds", "variants")]:
                raise ValueError(f"`variants.{variant}` cannot change `{fixed[0]}`")
        return self

    @model_validator(mode="after")
    def _with_room_for_text(self) -> Recipe:
        """Attacks that stand in the image are written under charts."""
        named = {*self.flaws.flaws, *(self.eval.flaws.flaws if self.eval else ())}
        if not self.world.charts and (in_image := sorted(named & {"image-injection", "harmless-image"})):
            raise ValueError(f"flaw `{in_image[0]}` is written under a chart, and `world` draws plain bars")
        return self

    @model_validator(mode="after")
    def _as_registered(self) -> Recipe:
        """A run that is no part of what was written down can show nothing of it."""
        if not self.prereg or not self.eval:
            return self
        num = getattr(self.questions.get(self.eval.questions), "num", self.prereg.num)
        for name, own, registered in [
            ("version", self.version, self.prereg.recipe_version),
            (f"questions.{self.eval.questions}.num", num, self.prereg.num),
        ]:
            if own != registered:
                raise ValueError(f"`prereg` is for `{name}` {registered}, and this recipe has {own or 'none'}")
        others = sorted({*(self.seeds or (self.seed,))} - {*self.prereg.seeds})
        if others:
            raise ValueError(f"`prereg` names the seeds {', '.join(map(str, self.prereg.seeds))}, not {others[0]}")
        return self

    @model_validator(mode="after")
    def _connected(self) -> Recipe:
        needs = [("reason", "paths"), ("summary", "agent_paths"), ("hard", "paths")]
        if not self.questions and not self.rounds:
            raise ValueError("`questions` is missing: at least one entry, each with its `source`")
        if self.rounds and not (self.reason or self.base or self.given.model):
            raise ValueError("`rounds` needs a model to start from: `given.model`, `base` or `reason`")
        if self.base and self.base.from_nothing:
            needs.append(("base", "lessons"))
        for control in self.controls:
            if getattr(self, CONTROLS[control].needs) is None:
                raise ValueError(f"control `{control}` needs `{CONTROLS[control].needs}`")
            if CONTROLS[control].needs == "rounds" and self.rounds and self.rounds.kind != "dpo":
                raise ValueError(
                    f"control `{control}` stands beside DPO rounds, and `rounds.kind` is {self.rounds.kind}"
                )
        if "held-out-flaw" in self.controls and (never := sorted(set(self.held_out) - set(self.flaws.flaws))):
            raise ValueError(f"`held_out` names `{never[0]}`, which is not among `flaws.flaws`: nothing is left out")
        if self.rounds and self.rounds.summary is not None and self.summary is None:
            raise ValueError("`rounds.summary` needs `summary`")
        for part, needed in needs:
            if getattr(self, part) is not None and getattr(self, needed) is None:
                raise ValueError(f"`{part}` needs `{needed}`")
        if self.lessons and self.world.charts:
            raise ValueError("`lessons` teach a model from nothing to see plain bars; level `full` is for other models")
        if self.hard and self.hard.engine is None and not isinstance(self.paths, PathsSettings):
            raise ValueError("`hard` needs `hard.engine`: the paths are there already, and no model writes them")
        if self.eval and self.eval.questions not in self.questions:
            raise ValueError(f"`eval.questions` names `{self.eval.questions}`, which is not among `questions`")
        named = [*self.release.against, self.release.benchmark] if self.release else []
        for name in filter(None, named):
            if name not in self.questions:
                raise ValueError(f"`release` names `{name}`, which is not among `questions`")
        return self


def recipe_names() -> list[str]:
    folder = files("insightv_bench").joinpath("recipes")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_recipe(name: str, overrides: list[str] | None = None, variant: str = "") -> Recipe:
    """The recipe of this name, or at this path if it ends in `.yaml`; `overrides` are `key.key=value`.

    `variant`: one of its variants, as a recipe of its own. Raises RecipeError.
    """
    return parse_recipe(_read(name), name, overrides or [], variant)


def load_preregistration(file: Path) -> Preregistration:
    """Raises RecipeError where it cannot be read, or holds what it may not."""
    content = read_preregistration(file, load_yaml)
    try:
        return Preregistration.model_validate(content)
    except ValidationError as error:
        raise explain(error, [Layer(str(file), content)], Preregistration) from None


class OneKeyEach(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, not the last one's victory, and `1e-5` is a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        keys = [self.construct_object(key, deep=True) for key in own]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.YAMLError(f"the key `{twice[0]}` stands twice in line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


OneKeyEach.add_implicit_resolver(  # YAML 1.1 takes it for a text without a point: `1.0e-5`
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d{1,3}$"), list("-+0123456789")
)


MAX_CHARS, MAX_DEPTH, MAX_NODES = 256_000, 32, 50_000
"""Of a recipe's YAML: its text, how deep it is nested, and values once every alias stands for what it names."""


def load_yaml(text: str) -> Any:
    """Raises YAMLError, also for a text whose size, nesting or aliases go beyond what a recipe has."""
    if len(text) > MAX_CHARS:
        raise yaml.YAMLError(f"longer than {MAX_CHARS:,} characters")
    depth = 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise yaml.YAMLError(f"nested deeper than {MAX_DEPTH} levels")
        root = yaml.compose(text, yaml.SafeLoader)
        if root is not None and _num_nodes(root, {}) > MAX_NODES:
            raise yaml.YAMLError(f"more than {MAX_NODES:,} values, its aliases written out")
        return yaml.load(text, OneKeyEach)  # noqa: S506 - a SafeLoader
    except (ValueError, TypeError, LookupError, RecursionError, AttributeError) as error:  # `!!int x`, a date of no day
        raise yaml.YAMLError(f"a value cannot be read: {error}") from error


def _num_nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """With every alias written out. Raises YAMLError for one that stands inside what it names."""
    if id(node) not in known:
        known[id(node)] = -1  # while it is counted
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [each for part in inner for each in (part if isinstance(part, tuple) else (part,))]
        known[id(node)] = 1 + sum(_num_nodes(part, known) for part in parts)
    if known[id(node)] < 0:
        raise yaml.YAMLError("an alias stands inside what it names")
    return known[id(node)]


def parse_recipe(text: str, origin: str, overrides: list[str], variant: str = "") -> Recipe:
    layers = stack(origin, _content(text, origin), lambda name: _content(_read(name), name))
    layers = [with_claims_read(with_prompts_read(layer), load_yaml) for layer in layers]
    content = flatten(layers)
    for layer in layers:
        _guard_code(layer.content, layer.origin)
    for override in overrides:
        _override(content, override)
    if variant:
        changes = Layer(f"{origin}: variants.{variant}", content.pop("variants")[variant])
        content = {**merge(content, changes.content), "name": f"{content.get('name')}-{variant}"}
        content.pop("seeds", None)
        layers.append(changes)
    set_: dict[str, Any] = {}
    for override in overrides:  # over the variant too
        _override(set_, override)
        if variant and not override.startswith(EXPANDED):
            _override(content, override)
    try:
        own = with_claims_read(with_prompts_read(Layer("", content)), load_yaml)
        content = with_manner(own.content)
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise explain(error, [*layers, Layer(origin, set_)], Recipe) from None
    except OSError as error:  # a name longer than any file's
        raise RecipeError(f"`{origin}` names a file that cannot be looked for: {error.strerror}") from None
    except UnicodeEncodeError:
        raise RecipeError(f"`{origin}` holds half a character (`\\ud800`, say)", "write the whole character") from None


EXPANDED = ("name=", "seeds", "variants")
"""What a variant has instead of the recipe's own."""


def _guard_code(value: Any, origin: str, path: str = "") -> None:
    """Raises RecipeError where a file asks for a model's own code to be run: files are downloaded."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        place = f"{path}.{key}" if path else str(key)
        if key == "trust_remote_code" and inner is not False:
            hint = f"look at that code first; then: --set {place}=true"
            raise RecipeError(f"`{origin}` sets `{place}`, which only the command line may", hint)
        _guard_code(inner, origin, place)


def _content(text: str, origin: str) -> dict[str, Any]:
    try:
        content = load_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"`{origin}` is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"`{origin}` holds no keys", "start from one of the recipes: insightv-bench recipes")
    return content


def _read(name: str) -> str:
    if name.endswith((".yaml", ".yml")):
        try:
            return Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"`{name}` cannot be read: {error}") from error
    if name in recipe_names():
        return files("insightv_bench").joinpath(f"recipes/{name}.yaml").read_text(encoding="utf-8")
    near = nearest(name, recipe_names())
    known = ", ".join(f"`{known}`" for known in recipe_names())
    raise RecipeError(f"unknown recipe: `{name}`{near}", f"the recipes are {known}; a file of your own ends in `.yaml`")


def _override(content: dict[str, Any], override: str) -> None:
    keys, equals, value = override.partition("=")
    if not equals:
        raise RecipeError(f"`{override}` sets nothing", "write `--set key.key=value`")
    if keys == "extends":
        raise RecipeError("`extends` cannot be set", "write it at the top of a recipe of your own")
    *path, last = keys.split(".")
    for key in path:
        content = content.setdefault(key, {})
        if not isinstance(content, dict):
            raise RecipeError(f"`{keys}` cannot be set: `{key}` holds no keys")
    try:
        content[last] = load_yaml(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"`{value}` is no YAML value for `{keys}`") from error
