"""The sections of a recipe: typed, with defaults and units, and nothing heavy imported.

What a model, a trainer or a server calls an option keeps that name. This is the door; the sections stand behind it.
"""

from __future__ import annotations

from .settings_base import Grown, Sampling, Section, Share
from .settings_corpora import (
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
from .settings_engines import EngineSettings, HfEngine, OpenAIEngine, TeacherEngine, TeacherJudge
from .settings_evaluation import Control, EvalSettings
from .settings_paths import AssessSettings, CalibrateSettings, FlawsSettings, HardSettings, PathsSettings
from .settings_sources import (
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
from .settings_training import (
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
    "LaunchSettings",
    "MuonSettings",
    "LessonsSettings",
    "Names",
    "OpenAIEngine",
    "PairsSettings",
    "ParquetSource",
    "PathsSettings",
    "READERS",
    "Reader",
    "ReasoningCorpus",
    "ReleaseSettings",
    "ScoreRanges",
    "SummaryCorpus",
    "RoundsSettings",
    "SMALL_MODEL",
    "Sampling",
    "Section",
    "Share",
    "Source",
    "SummarySettings",
    "TableSource",
    "TaskSource",
    "TeacherEngine",
    "TeacherJudge",
    "TinyModel",
    "TrainSettings",
    "WorldSource",
]
