// Figures, robustness, rounds, and what stands behind the numbers.
"use strict";
(() => {
  const { make, text, code, known, fixed, percent, interval, count, points, pWords, absent, estimate, strip, select, table, load, rows,
    spaced, fold } = insightv;

  insightv.scale = (task) => {
    const chance = task.chance === null ? "" : `, chance ${percent(task.chance)} % on the ${count(task.num_with_options)} with options`;
    return `${count(task.num_questions)} questions${chance}`;
  };

  // The drawings of one section of one set; which of the two is seen is the style sheet's business.
  insightv.figures = (set, section) => insightv.board.figures.filter((one) => one.set === set && one.section === section)
    .map((one) => make("figure", {},
      make("img", { class: "light", src: `figures/${one.name}.svg`, alt: one.alternative, loading: "lazy" }),
      make("img", { class: "dark", src: `figures/${one.name}-dark.svg`, alt: one.alternative, loading: "lazy" }),
      make("figcaption", {}, one.caption, " ", make("span", { class: "files" }, ...["svg", "png"].map((kind) =>
        make("a", { href: `figures/${one.name}.${kind}`, download: `${one.name}.${kind}` }, kind.toUpperCase()))))));

  // A view over one set at a time, with a choice where there are several.
  function perSet(view, title, draw) {
    const place = document.getElementById(`view-${view}`);
    const content = make("div");
    let turn = 0;
    const show = async (state) => {
      const mine = (turn += 1);
      const sets = insightv.board.sets;
      const chosen = sets.find((one) => one.name === state.get("set")) ?? sets[0];
      const change = (value) => { state.set("set", value); insightv.note(view, state); show(state).catch(insightv.trouble); };
      const piece = await load(`set-${sets.indexOf(chosen)}`);
      if (mine !== turn) return;
      content.replaceChildren();
      if (sets.length > 1) content.append(make("div", { class: "controls" }, select("Task", insightv.setChoice(sets), chosen.name, change)));
      content.append(...draw(chosen, piece));
      if (!place.contains(content)) place.append(content);
    };
    insightv.views.set(view, { title, show: (state) => show(state).catch(insightv.trouble) });
  }

  const nothing = (what) => [make("p", { class: "absent" }, what)];

  perSet("robustness", "Robustness", (task, piece) => {
    const measures = rows(piece.measures);
    const curve = rows(piece.robustness);
    if (!measures.length && !curve.length) return nothing("No system was given a path with a planted flaw on this task.");
    return [...(measures.length ? [measureTable(measures), meanings(measures)] : []),
      ...insightv.figures(task.name, "robustness"), ...heat(rows(piece.flaws)), ...(curve.length ? [curveTable(curve)] : [])];
  });

  // Systems against the values of `key`, each with a figure, its interval and n.
  function crossed(of, key, title, value, cell, caption) {
    const lines = new Map();
    for (const row of of) {
      if (!lines.has(row.system)) lines.set(row.system, { system: row.system, of: new Map() });
      lines.get(row.system).of.set(row[key], row);
    }
    const columns = [{ key: "system", title: "System", kind: "name", value: (line) => line.system, cell: (line) => text(line.system) },
      ...[...new Set(of.map((row) => row[key]))].map((name) => ({
        key: name, title: title(name), kind: "share", value: (line) => line.of.get(name)?.[value] ?? null,
        cell: (line) => (line.of.has(name) ? cell(line.of.get(name)) : absent()),
      }))];
    return table({ caption, rows: [...lines.values()], columns });
  }

  const measureTable = (measures) => crossed(measures, "measure", spaced, "value",
    (row) => [...estimate(row.value, row.low, row.high), make("small", {}, `n = ${count(row.n)}`)],
    "Robustness of the summary agent, %, 95 % intervals clustered by question");

  function meanings(measures) {
    const meaning = new Map(insightv.board.measure_meanings);
    const names = [...new Set(measures.map((row) => row.measure))];
    return fold("What each measure counts", make("dl", {}, ...names.map((name) =>
      make("div", {}, make("dt", {}, spaced(name)), make("dd", {}, meaning.get(name) ?? measures.find((row) => row.measure === name).meaning ?? "")))));
  }

  // Each flaw against each system: how many answers stayed right, how many followed.
  const heat = (flaws) => (flaws.length ? [crossed(flaws, "flaw", (flaw) => flaw, "accuracy",
    (row) => [...estimate(row.accuracy, row.low, row.high), known(row.follow) ? make("small", {}, `follows ${percent(row.follow)}`) : "", make("small", {}, `n = ${count(row.n)}`)],
    "Accuracy % by planted flaw, severities together, 95 % intervals clustered by question")] : []);

  insightv.lineage = (of, caption) => table({ caption, rows: of, columns: [
    { key: "name", title: "Stage or model", kind: "name", cell: (row) => text(row.name) },
    { key: "kind", title: "Kind", kind: "name", cell: (row) => row.kind },
    { key: "fingerprint", title: "Fingerprint", kind: "name", cell: (row) => (row.fingerprint ? code(row.fingerprint) : "–") },
    { key: "num_rows", title: "Rows", cell: (row) => count(row.num_rows) },
    { key: "recipe", title: "Recipe", kind: "name", cell: (row) => make("span", {}, text(row.recipe), row.seed === null ? "" : `, seed ${row.seed}`) },
    { key: "version", title: "Version", kind: "name", cell: (row) => text([row.version, row.git_commit?.slice(0, 10)].filter(Boolean).join(" · ")) },
    { key: "detail", title: "Detail", kind: "name", cell: (row) => text(row.detail) },
  ] });

  function curveTable(curve) {
    const columns = [
      { key: "system", title: "System", kind: "name", value: (row) => row.system, cell: (row) => text(row.system) },
      { key: "flaw", title: "Flaw", kind: "name", value: (row) => row.flaw, cell: (row) => text(row.flaw) },
      { key: "severity", title: "Severity", value: (row) => row.severity, cell: (row) => row.severity.toFixed(2) },
      { key: "accuracy", title: "Accuracy %", kind: "share", value: (row) => row.accuracy,
        cell: (row) => [...estimate(row.accuracy, row.low, row.high), strip(row.accuracy, row.low, row.high)] },
      { key: "n", title: "n", value: (row) => row.n, cell: (row) => count(row.n) },
      { key: "follow", title: "Follow %", kind: "share", value: (row) => row.follow ?? null,
        cell: (row) => estimate(row.follow, row.follow_low, row.follow_high) },
      { key: "follow_n", title: "n of follow", value: (row) => row.follow_n, cell: (row) => count(row.follow_n) },
    ];
    const all = curve.filter((row) => row.flaw === "any");
    const every = make("details", {}, make("summary", {}, "Every flaw and severity, as numbers"));
    every.addEventListener("toggle", () => {
      if (every.open && every.children.length === 1) every.append(capped({ caption: "Arm flawed: every flaw and severity", rows: curve.filter((row) => row.flaw !== "any"), columns }));
    });
    return make("div", {}, capped({ caption: "Arm flawed, all flaws together: accuracy against the share of steps corrupted", rows: all, columns: columns.filter((one) => one.key !== "flaw") }), every);
  }

  // A table of more rows than a page can hold says so.
  const MOST = 1000;
  const capped = (one) => table({ ...one, rows: one.rows.slice(0, MOST),
    caption: one.caption + (one.rows.length > MOST ? `; the first ${count(MOST)} of ${count(one.rows.length)} rows, board.json holds all` : "") });

  perSet("rounds", "Rounds", (task, piece) => {
    const of = rows(piece.rounds);
    if (!of.some((row) => row.round)) return nothing("No round was evaluated on this task.");
    return [...insightv.figures(task.name, "rounds"), roundTable(of)];
  });

  // Each round in each arm, against supervised fine-tuning and against the round before.
  function roundTable(of) {
    const change = (key, title) => ({
      key, title, kind: "gain", value: (row) => row[key]?.difference ?? null,
      cell: (row) => {
        const against = row[key];
        if (!against) return absent();
        return [insightv.outcome(against.outcome, points(against.difference)), make("small", {}, `${interval(against.low, against.high)}, ${pWords(against.p)}`)];
      },
    });
    const any = (name) => of.some((row) => known(row[name]));
    const columns = [
      { key: "system", title: "System", kind: "name", value: (row) => row.system, cell: (row) => make("span", {}, text(row.system), make("small", {}, text(row.base))) },
      { key: "round", title: "Round", value: (row) => row.round, cell: (row) => (row.round ? `round ${row.round}` : "SFT") },
      { key: "arm", title: "Arm", kind: "name", value: (row) => row.arm, cell: (row) => code(row.arm) },
      { key: "accuracy", title: "Accuracy %", kind: "share", value: (row) => row.accuracy,
        cell: (row) => [...estimate(row.accuracy, row.low, row.high), strip(row.accuracy, row.low, row.high)] },
      change("from_start", "Against SFT"), change("from_before", "Against the round before"),
      { key: "path_tokens", title: "Tokens a path", kind: "share", value: (row) => row.path_tokens ?? null,
        cell: (row) => estimate(row.path_tokens, row.path_tokens_low, row.path_tokens_high, fixed) },
      ...(any("reward_margin") ? [{ key: "reward_margin", title: "Reward margin", value: (row) => row.reward_margin, cell: (row) => (row.reward_margin === null ? "–" : row.reward_margin.toFixed(3)) }] : []),
      ...(any("num_pairs") ? [{ key: "num_pairs", title: "Pairs trained on", value: (row) => row.num_pairs, cell: (row) => count(row.num_pairs) }] : []),
      { key: "n", title: "n", value: (row) => row.n, cell: (row) => count(row.n) },
    ];
    return table({ caption: "Supervised fine-tuning and the rounds after it, 95 % intervals; paired differences in points, p and interval Holm-adjusted over those of the same two systems", rows: of, columns });
  }

  // How every arm was run.
  insightv.settings = (state) => {
    const cite = document.querySelector("pre.cite");
    document.getElementById("cite-copy").replaceChildren(insightv.copyButton("BibTeX", () => cite.textContent));
    if (state?.get("at") === "cite") document.getElementById("cite").scrollIntoView();
    const place = document.getElementById("settings");
    place.replaceChildren(make("h3", {}, "How it was run"), ...insightv.board.sets.map((one) => {
      const caps = new Map(one.token_caps);
      const columns = [
        { key: "arm", title: "Arm", kind: "name", cell: ([arm]) => code(arm) },
        { key: "prompt", title: "Prompt", kind: "name", cell: ([, prompt]) => text(prompt) },
        { key: "cap", title: "Token cap, all seats", cell: ([arm]) => count(caps.get(arm)) },
      ];
      return fold(make("span", {}, text(one.name), `: ${insightv.scale(one)}`), table({ rows: one.prompts, columns, caption: `Prompts and token caps, parser ${one.parser}` }), insightv.board.sets.length === 1);
    }));
  };
})();
