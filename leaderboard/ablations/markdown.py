"""The ablations as Markdown, ready to stand in a README, and the figure in words. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from insightv_bench.statistics import NONE, p_value, percent, points

from ..tables import short
from .records import REGISTRATIONS, TOPICS, AblationRow, Ablations, Below, ClaimRow, FlawRow, PlannedRow, Share

NAME_LENGTH = 120


def markdown(ablations: Ablations, figure: str) -> str:
    """The table, the comparisons topic by topic, the flaws, and how to read them. `figure`: its file; empty: none."""
    headings = ["system", "arm", "what it is", "sampled", "greedy", "on exact paths", "on flawed paths"]
    headings += ["tokens an answer", "n", "seeds"]
    parts = [_scale(ablations), _grid(headings, [_line(row) for row in ablations.table], {0, 1, 2})]
    if figure:
        parts.append(f"![Accuracies of the ablation table, and the planned differences with intervals]({figure})")
    if ablations.claims:
        parts.append(_claims(ablations))
    if ablations.comparisons:
        parts.append(_comparisons(ablations))
    if ablations.flaws:
        parts.append(_flaws(ablations.flaws))
    parts += [_reading(ablations), *(f"Note: {_plain(note)}" for note in ablations.notes)]
    return "\n\n".join(parts) + "\n"


def _scale(ablations: Ablations) -> str:
    seeds = (
        f"seed {ablations.seeds[0]}" if len(ablations.seeds) == 1 else f"seeds {', '.join(map(str, ablations.seeds))}"
    )
    paths = f", {ablations.num_paths} sampled paths a question" if ablations.num_paths > 1 else ""
    return (
        f"Recipe {_code(ablations.recipe)}, {seeds}; task {_code(ablations.task)} version "
        f"{_code(ablations.task_version)}, {ablations.num_questions:,} test questions{paths}. "
        "Accuracy in %, with its 95 % interval."
    )


def _line(row: AblationRow) -> list[str]:
    answered = row.sampled or row.greedy
    return [
        _code(row.system),
        _code(row.arm),
        _plain(row.name),
        *(_share(share) for share in (row.sampled, row.greedy, row.exact, row.flawed)),
        NONE if row.tokens is None else f"{row.tokens:,.0f}",
        f"{answered.n:,}" if answered else NONE,
        str(len(row.seeds)),
    ]


def _share(share: Share | None) -> str:
    return NONE if share is None else percent(share.value, share.low, share.high)


def _claims(ablations: Ablations) -> str:
    headings = ["claim", "b against a", "is to show", "points", "p", "what may be said", "written down"]
    lines = []
    for row in ablations.claims:
        margin = "" if row.margin is None else f", {percent(row.margin)} points"
        figures = [points(row.difference, row.low, row.high), NONE if row.p is None else p_value(row.p)]
        sides = f"{_code(row.b)} against {_code(row.a)}{f' ({_plain(row.flaw)})' if row.flaw else ''}"
        told = [_plain(row.verdict), REGISTRATIONS[row.registration]]
        lines.append([_plain(row.says), sides, row.shows + margin, *figures, *told])
    hashed = f" (hash `{ablations.prereg_hash[:12]}`)" if ablations.prereg_hash else ""
    # Of single claims the verdict says it: a system may be absent in one seed.
    missing = sorted(set.intersection(*(set(row.seeds_missing) for row in ablations.claims)))
    wanted = f" Seeds {', '.join(map(str, missing))} are registered and not there yet." if missing else ""
    words = (
        f"Claims written down before the figures{hashed}. p is of what a claim is to show, adjusted after Holm over "
        f"those that were preregistered. All other comparisons are exploratory.{wanted}"
    )
    return f"**Claims**\n\n{words}\n\n{_grid(headings, lines, {0, 1, 2, 5, 6})}"


def _comparisons(ablations: Ablations) -> str:
    several = ["each seed", "these trainings"] if len(ablations.seeds) > 1 else []
    headings = ["comparison", "sampled, points", "p", *several, "sampled: verdict"]
    headings += ["greedy, points", "p", "greedy: verdict", "questions"]
    words = {0, headings.index("sampled: verdict"), headings.index("greedy: verdict")}
    parts = []
    for topic, caption in TOPICS.items():
        rows = [row for row in ablations.comparisons if row.topic == topic]
        if rows:
            parts.append(f"**{caption}**\n\n{_grid(headings, list(_pairs(rows, bool(several))), words)}")
    return "\n\n".join(parts)


def _pairs(rows: Sequence[PlannedRow], several: bool) -> Iterator[list[str]]:
    """One line a comparison: sampled, and greedy beside it; of `several` seeds, what each and these alone show."""
    for name in dict.fromkeys(row.name for row in rows):
        sampled, greedy = (
            next((row for row in rows if (row.name, row.decoding) == (name, way)), None)
            for way in ("sampled", "greedy")
        )
        one = sampled or greedy
        assert one is not None  # the name came from a row
        cells = [
            [NONE] * 3 if row is None else [_points(row), p_value(row.p), row.verdict] for row in (sampled, greedy)
        ]
        seeds = [NONE, NONE]
        if sampled:
            pooled = points(sampled.pooled_difference, sampled.pooled_low, sampled.pooled_high)
            seeds = [" / ".join(map(points, sampled.seed_differences)), pooled]
        yield [_plain(name), *cells[0][:2], *(seeds if several else []), cells[0][2], *cells[1], f"{one.n:,}"]


def _points(row: PlannedRow | Below | None) -> str:
    return NONE if row is None else points(row.difference, row.low, row.high)


def _flaws(rows: Sequence[FlawRow]) -> str:
    headings = [
        "system",
        "flaw",
        "accuracy",
        "gives the planted answer",
        "n",
        "exact path less it, points",
        "questions",
    ]
    lines = []
    for row in rows:
        questions = f"{row.below_exact.n:,}" if row.below_exact else NONE
        figures = [_share(row.accuracy), _share(row.follow), f"{row.accuracy.n:,}", _points(row.below_exact), questions]
        lines.append([_code(row.system), _code(row.flaw), *figures])
    return f"**Flaw by flaw**\n\n{_grid(headings, lines, {0, 1})}"


def _reading(ablations: Ablations) -> str:
    remarks = [
        "Sampled: the paths are written at the recipe's sampling; greedy: the same systems, their paths written "
        "greedily. Arms without a path have one figure. The arm `reason` is copying the path, by definition: whoever "
        "copies a path's answer gives the reasoning agent's own. n counts replies, and a question is one unit whatever "
        "its replies: intervals and tests are clustered by question.",
    ]
    if ablations.comparisons:
        remarks.append(
            "Differences are paired on the same questions of the same seed; p is Holm-adjusted over the "
            "comparisons of one kind between the same two systems; intervals and the smallest detectable difference "
            "(80 % power) are of the level that decided."
        )
    if any(row.topic == "flaws" for row in ablations.comparisons):
        remarks.append(
            "Following a path that ends wrong is wrong each time, by construction: there the difference is the "
            "accuracy itself, and the table of flaws says how often the planted answer is given. That table sets an "
            "exact path, in points, against those that end wrong on the same questions; the comparison takes all."
        )
    if len(ablations.seeds) > 1:
        remarks.append(
            "Intervals and p of differences speak of other trainings: a random-effects mean over the seeds with "
            "Hartung and Knapp's t interval. The column of these trainings pools their questions and says nothing of "
            "another seed."
        )
        most = max((row.seeds_needed or 0 for row in ablations.comparisons), default=0)
        remarks.append(
            f"A difference of 2 points would need up to {most:,} seeds to be found with 80 % power, at the spread seen."
        )
    return "\n".join(f"- {line}" for line in remarks)


def _grid(headings: Sequence[str], lines: Sequence[Sequence[str]], words: set[int]) -> str:
    """A Markdown table; the columns in `words` stand on the left, figures on the right."""
    rule = ["---" if place in words else "---:" for place in range(len(headings))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headings, rule, *lines])


def _code(text: str) -> str:
    """Text that others wrote, as a code span."""
    return f"`{short(text, NAME_LENGTH).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _plain(text: str) -> str:
    """Text that others wrote, as one cell: no character of it shapes the table or the page."""
    line = short(text, NAME_LENGTH)
    for character in "\\|`<>[]*_":
        line = line.replace(character, f"&#{ord(character)};")
    return line


def sentences(ablations: Ablations) -> str:
    """Every claim, then every exploratory comparison of sampled paths, as a line to stand in a document as it is."""
    lines = [f"- {_plain(row.says)} {_told(row)}" for row in ablations.claims]
    lines += [
        f"- {_plain(row.name)}: {_points(row)} points, {_p(row.p)}, {row.n:,} questions, "
        f"{_seeds(row.seeds)}; {row.verdict}. Exploratory."
        for row in ablations.comparisons
        if row.decoding == "sampled"
    ]
    return "\n".join(lines) + "\n"


def _told(row: ClaimRow) -> str:
    """What may be said of a claim, with its p, and whether it was written down before."""
    p = "" if row.p is None else f", {_p(row.p)}"
    n = "" if row.n is None else f", {row.n:,} questions"
    verdict = f"{row.verdict[0].upper()}{row.verdict[1:]}"
    return f"{verdict}{p}{n} ({_code(row.b)} against {_code(row.a)}; {REGISTRATIONS[row.registration]})."


def _p(p: float) -> str:
    words = p_value(p)
    return f"p {words}" if words.startswith("<") else f"p = {words}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"


def alternative(ablations: Ablations) -> str:
    """The figure in words."""
    lines = ["Upper panel, accuracy with 95 % interval, from top to bottom:"]
    for row in ablations.table:
        shares = [
            f"{way} {_share(share)} %" for way, share in (("sampled", row.sampled), ("greedy", row.greedy)) if share
        ]
        if shares:
            lines.append(f"- {short(row.name, NAME_LENGTH)}: {', '.join(shares)}")
    lines.append("Lower panel, differences in points with 95 % interval, from top to bottom:")
    lines += [f"- {row.name} ({row.decoding}): {_points(row)}; {row.verdict}" for row in ablations.comparisons]
    return "\n".join(lines) + "\n"
