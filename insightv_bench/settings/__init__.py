"""The sections of a recipe: typed, with defaults and units, and nothing heavy imported.

    recipe.py       a recipe: a file, those it extends, overrides; inheritance.py lays them over each other
    errors.py       what is wrong with a recipe, in a user's words
    base.py         what sections share: what of them is not at its default, how a model samples
    sources.py, paths.py, stored_paths.py, corpora.py, training.py, evaluation.py, engines.py, cluster.py  the sections
    seats.py        a model in a seat
    rounds.py       what rounds start from and ask

What a model, a trainer or a server calls an option keeps that name. It knows the drawn world's levels and splits; not
what a stage does with a setting.
"""

from __future__ import annotations

from .base import DEFAULTS, Sampling, Section, Share
from .cluster import AUTO, LOCAL, RaySettings
from .corpora import (
    CorporaSettings,
    Corpus,
    GateSettings,
    GivenSettings,
    LessonsSettings,
    PairsSettings,
    ReasoningCorpus,
    ReleaseSettings,
    ScoreRanges,
    SeveralSettings,
    Spelling,
    SummaryCorpus,
)
from .engines import *  # noqa: F403 - its `__all__`: a section more is a line in one file
from .evaluation import Control, EvalSettings
from .manner import in_its_manner
from .paths import AssessSettings, CalibrateSettings, FlawsSettings, HardSettings, PathsSettings
from .prereg import Claim, Preregistration
from .recipe import Recipe, load_preregistration, load_recipe, recipe_names
from .rounds import GivenInputs, RoundQuestions, SampleSettings
from .seats import (
    STAGE_MODEL,
    Seat,
    engine_of,
    folder_name,
    is_python,
    is_server,
    made_by,
    maker_of,
    seat_name,
    with_defaults,
)
from .sources import (
    MIXED,
    OF_TEXT,
    READERS,
    Columns,
    FileSource,
    HubSource,
    JsonlSource,
    Names,
    ParquetSource,
    PathColumns,
    Source,
    TableSource,
    TaskSource,
    WorldSource,
)
from .stored_paths import AnyPaths, GoldPaths, LogColumns, LogFile, LogFormat, LoggedPaths, StoredPaths
from .training import *  # noqa: F403 - its `__all__`: a section more is a line in one file
