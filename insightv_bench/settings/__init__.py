"""The sections of a recipe: typed, with defaults and units, and nothing heavy imported.

What a model, a trainer or a server calls an option keeps that name. This is the door; the sections stand behind it.
"""

from __future__ import annotations

from .base import Grown, Sampling, Section, Share
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
    SummaryCorpus,
)
from .engines import EngineSettings, HfEngine, OpenAIEngine, TeacherEngine, TeacherJudge
from .evaluation import Control, EvalSettings
from .paths import AssessSettings, CalibrateSettings, FlawsSettings, HardSettings, PathsSettings
from .recipe import Recipe, load_recipe, recipe_names
from .seats import Seat, engine_of, folder_name, is_server, plain, seat_name
from .sources import (
    READERS,
    Columns,
    FileSource,
    HubSource,
    JsonlSource,
    Names,
    ParquetSource,
    Reader,
    Source,
    TableSource,
    TaskSource,
    WorldSource,
)
from .training import (
    FROM_NOTHING,
    SMALL_MODEL,
    BaseSettings,
    DpoSettings,
    LaunchSettings,
    MuonSettings,
    RoundsSettings,
    SummarySettings,
    TinyModel,
    TrainSettings,
)

__all__ = [
    "AUTO",
    "AssessSettings",
    "BaseSettings",
    "CalibrateSettings",
    "Columns",
    "Control",
    "CorporaSettings",
    "Corpus",
    "DpoSettings",
    "EngineSettings",
    "EvalSettings",
    "FROM_NOTHING",
    "FileSource",
    "FlawsSettings",
    "GateSettings",
    "GivenSettings",
    "Grown",
    "HardSettings",
    "HfEngine",
    "HubSource",
    "JsonlSource",
    "LOCAL",
    "LaunchSettings",
    "LessonsSettings",
    "MuonSettings",
    "Names",
    "OpenAIEngine",
    "PairsSettings",
    "ParquetSource",
    "PathsSettings",
    "READERS",
    "RaySettings",
    "Reader",
    "ReasoningCorpus",
    "Recipe",
    "ReleaseSettings",
    "RoundsSettings",
    "SMALL_MODEL",
    "Sampling",
    "ScoreRanges",
    "Seat",
    "Section",
    "Share",
    "Source",
    "SummaryCorpus",
    "SummarySettings",
    "TableSource",
    "TaskSource",
    "TeacherEngine",
    "TeacherJudge",
    "TinyModel",
    "TrainSettings",
    "WorldSource",
    "engine_of",
    "folder_name",
    "is_server",
    "load_recipe",
    "plain",
    "recipe_names",
    "seat_name",
]
