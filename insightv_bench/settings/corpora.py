"""Corpora: what they are made of, and how they are released."""

from __future__ import annotations

from typing import Literal, Self, TypeVar

from pydantic import Field, model_validator

from insightv_bench.records import FlawType, SummaryKind

from .base import Section

Spelling = Literal["json", "own"]


class ScoreRanges(Section):
    """Right paths by score: High, Mid and Low. The paper's thresholds are not public."""

    high: int = Field(80, ge=1, le=100)
    """Paths with at least this score are High: they train the reasoning agent, and are the optimal ones."""
    mid: int = Field(50, ge=1, le=100)
    """Right paths between this and `high` are Mid, the rest Low."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.mid >= self.high:
            raise ValueError(f"`mid` ({self.mid}) must be below `high` ({self.high})")
        return self


Part = TypeVar("Part", bound=ScoreRanges)


class Spelled(Section):
    """How paths are written into corpora."""

    spelling: Spelling = "json"
    """`json`: every path in our JSON, as the prompts of the rows ask for it. `own`: as the model wrote it, for an agent
    that keeps its own manner of reasoning; where a path is only shown, as the evaluation shows it."""


class ReasoningCorpus(ScoreRanges, Spelled):
    """What the reasoning corpus is made by."""

    max_paths_per_question: int = Field(1, ge=1)


class SeveralSettings(Section):
    """Rows that show several of the agent's own paths of one question at once: kind `several`."""

    k: int = Field(3, ge=2, le=16)
    """Paths a row."""
    orders: int = Field(2, ge=1)
    """Rows a set of paths at most, each in another order."""
    all_right: float = Field(0.4, ge=0, le=1)
    """Share of the rows whose paths all end right; all others have one that is wrong."""

    @model_validator(mode="after")
    def _in_turn(self) -> Self:
        if self.orders > self.k:
            raise ValueError(f"`orders` ({self.orders}) must not be above `k` ({self.k}): an order a turn")
        return self


class SummaryCorpus(ScoreRanges, Spelled):
    """What the summary corpus is made by."""

    summary_num: int = Field(6000, ge=1)
    summary_shares: dict[SummaryKind, float] = {"optimal": 0.3, "flawed": 0.3, "agent": 0.2, "plain": 0.2}
    balance_agent: bool = True
    """Of the agent's own paths half are right and half wrong at most; if not, as many are right as it wrote."""
    agent_wrong: bool = True
    """Whether the agent's own wrong paths are among them."""
    without: tuple[FlawType, ...] = ()
    """Types of planted flaws that are left out."""
    flawed_from: tuple[Literal["injected", "sampled"], ...] = Field(("injected",), min_length=1)
    """Where the summary corpus has its flawed paths from: flaws put into exact paths, or sampled paths below High."""
    flawed_shares: dict[Literal["mid", "low", "wrong"], float] = {}
    """Share of each score range among the flawed ones; empty: as they come."""
    several: SeveralSettings = SeveralSettings()

    @property
    def own_prompts(self) -> tuple[str, ...]:
        """That its rows alone are asked with."""
        return ("more/summary_of_k",) if self.summary_shares.get("several") else ()

    @model_validator(mode="after")
    def _shared_out(self) -> Self:
        for name in ("summary_shares", "flawed_shares"):
            shares = getattr(self, name)
            if min(shares.values(), default=1) < 0 or (shares and not sum(shares.values())):
                raise ValueError(f"the shares of `{name}` must not be negative and not all 0")
        return self


class CorporaSettings(SummaryCorpus, ReasoningCorpus):
    """Scored paths -> corpora: the section of a recipe. A stage is given the part that it reads, so that a change of
    another part does not run it again."""

    def part(self, kind: type[Part]) -> Part:
        return kind.model_validate({name: getattr(self, name) for name in kind.model_fields})


class LessonsSettings(Section):
    """The corpus that the base model learns from: seeing before reasoning."""

    num: int = Field(20_000, ge=1)
    mix: dict[Literal["list", "list-any-order", "read-by-name", "direct", "recall", "check"], float] = {
        "list": 0.2,
        "list-any-order": 0.2,
        "read-by-name": 0.3,
        "direct": 0.3,
    }


class PairsSettings(Spelled):
    """Which paths of a question make a pair (chosen, rejected)."""

    per_question: int = Field(1, ge=1)
    min_chosen: int = Field(1, ge=1, le=100)
    """A scored path is chosen only from this score on: an answer may be right by luck."""
    min_margin: int = Field(10, ge=1, le=99)
    """Two right paths make a pair only where their scores differ by this much."""
    max_kind_share: float = Field(1.0, gt=0, le=1)
    """No kind of question has more than this share of the pairs; those over it are left out, and counted."""


Corpus = Literal["reasoning", "summary", "preference", "flawed"]


class GateSettings(Section):
    """When a question counts as one of an evaluation set. The same image, byte for byte, always does."""

    max_distance: int = Field(32, ge=0, le=256)  # bits of 256
    """Two images are near where their perceptual hashes differ in at most this many bits."""
    words: int = Field(8, ge=1)
    """Length of the word n-grams of a question and its options; a shorter text is one n-gram."""
    overlap: float = Field(0.5, gt=0, le=1)
    """Two texts are the same from this share of the shorter one's n-grams on."""


class ReleaseSettings(Section):
    """The corpora as a folder ready to push."""

    title: str = ""
    """The card's; the recipe's name if left out."""
    license: str = ""
    """An identifier of the Hub's list; that of the sources if left out and they agree, else `other`."""
    corpora: tuple[Corpus, ...] = Field(("reasoning", "summary", "preference", "flawed"), min_length=1)
    against: tuple[str, ...] = ()
    """Entries of `questions` that are evaluation sets: what collides with them is left out."""
    benchmark: str = ""
    """Entry of `questions` whose flawed versions make the benchmark, the split `test` of `flawed`."""
    pairs: PairsSettings = PairsSettings()
    """For the preference corpus where the recipe has no rounds."""
    gate: GateSettings = GateSettings()
    shard_bytes: int = Field(400_000_000, ge=1)
    """A parquet file is closed from this size on."""


class GivenSettings(Section):
    """A corpus from elsewhere, a pulled release say, in the place of one that the run would make."""

    path: str
    """Its folder, relative to the current one."""
    content: str
    """Tells one content of the folder from another."""
