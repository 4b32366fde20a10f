// Two systems, question by question, on every task that both answered; and the tests that were planned.
"use strict";
(() => {
  const { make, text, code, percent, interval, points, count, probability, pWords, estimate, strip, select, table, load, rows } = insightv;
  const place = document.getElementById("view-compare");
  const controls = make("div", { class: "controls" });
  const found_ = make("div", { "aria-live": "polite" });
  const planned = make("div");
  let state = new Map();
  let turn = 0;

  const OUTCOMES = { higher: "▲", lower: "▼", tie: "=" };
  const WORDS = { higher: "higher", lower: "lower", tie: "tie" };
  insightv.outcome = (outcome, words) =>
    make("span", { class: `badge ${outcome}` }, `${OUTCOMES[outcome] ?? ""} ${words ?? WORDS[outcome] ?? outcome}`,
      words ? make("span", { class: "unseen" }, ` ${WORDS[outcome] ?? ""}`) : "");

  // The leaders first: the choosers open on them.
  const sides = () => {
    const best = new Map();
    for (const row of insightv.board.arms) best.set(row.system, Math.max(best.get(row.system) ?? 0, row.arm === "reason+summary" ? row.accuracy : 0));
    return [...best.keys()].sort((one, other) => best.get(other) - best.get(one));
  };
  const armsOf = (system) => [...new Set(insightv.board.arms.filter((row) => row.system === system).map((row) => row.arm))];

  // Where nothing is asked for, the suite's own question: a system's two agents against the first of them alone.
  const TWO = { a: "reason", b: "reason+summary" };
  const first = () => sides().find((system) => Object.values(TWO).every((arm) => armsOf(system).includes(arm)));

  function side(key) {
    const all = sides();
    const own = state.has("a") || state.has("b") ? undefined : first();
    const system = all.includes(state.get(key)) ? state.get(key) : own ?? (key === "a" ? all[0] : all[all.length - 1]);
    const present = armsOf(system);
    const usual = [own && TWO[key], "reason+summary", "reason", "direct", "base"].find((arm) => present.includes(arm));
    const asked = state.get(`${key}arm`);
    return { system, arm: present.includes(asked) ? asked : usual ?? present[0] };
  }

  function show(next) {
    state = next;
    const [a, b] = [side("a"), side("b")];
    const keep = (both) => {
      state = new Map([...state, ...Object.entries(both)]);
      insightv.note("compare", state);
      show(state);
    };
    const now = { a: a.system, aarm: a.arm, b: b.system, barm: b.arm };
    const change = (key) => (value) => keep({ ...now, [key]: value });
    const names = sides().map((name) => [name, name]);
    const focus = document.activeElement?.dataset?.key;
    const boxes = [["b", "This system", b], ["a", "against", a]].map(([key, title, chosen]) => make("fieldset", {},
      make("legend", {}, title),
      select("System", names, chosen.system, change(key), { "data-key": key }),
      select("Arm", armsOf(chosen.system).map((arm) => [arm, arm]), chosen.arm, change(`${key}arm`), { "data-key": `${key}arm` })));
    const swapped = { a: b.system, aarm: b.arm, b: a.system, barm: a.arm };
    const swap = make("button", { type: "button", "data-key": "swap", onclick: () => keep(swapped) }, "⇄ Swap");
    controls.replaceChildren(...boxes, swap);
    if (focus) [...controls.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focus)?.focus();
    if (!place.contains(found_)) place.append(controls, found_, planned);
    compute(a, b).catch(insightv.trouble);
    drawPlanned().catch(insightv.trouble);
  }

  function cellOf(piece, side_) {
    const system = piece.systems.indexOf(side_.system);
    return piece.cells.find(([at, arm]) => at === system && arm === side_.arm) ?? null;
  }

  // The two sides' replies to each shared question.
  function pairs(piece, a, b) {
    const [one, other] = [cellOf(piece, a), cellOf(piece, b)];
    if (!one || !other) return [];
    const at = (string, i) => string.charCodeAt(string.length === 1 ? 0 : i) - 48;
    const shared = [];
    for (let i = 0; i < piece.num_questions; i += 1) {
      const pair = [at(one[2] + " ", i), at(one[3], i), at(other[2] + " ", i), at(other[3], i)];
      if (pair[1] > 0 && pair[3] > 0) shared.push(pair);
    }
    return shared;
  }

  async function compute(a, b) {
    const mine = (turn += 1);
    const both = insightv.board.sets.filter((one) => [a, b].every((each) =>
      insightv.board.arms.some((row) => row.set === one.name && row.system === each.system && row.arm === each.arm)));
    if (!both.length) {
      found_.replaceChildren(make("p", { class: "absent" }, "No task, version, prompt and token cap is shared by these two: they cannot be compared."));
      return;
    }
    const tested = [];
    for (const one of both) {
      const piece = await load(`outcomes-${insightv.board.sets.indexOf(one)}`);
      if (mine !== turn) return;
      const test = insightv.statistics.paired(pairs(piece, a, b));
      if (test) tested.push({ ...test, set: one });
    }
    const adjusted = insightv.statistics.holm(tested.map((test) => test.p));
    const tests = [];
    for (const [i, test] of tested.entries()) {
      const own = await planned_(test.set, a, b);
      const p = adjusted[i];
      tests.push({ ...test, p, ...agreeing(test, p), outcome: outcomeOf(test, p), ...own });
    }
    if (mine !== turn) return;
    found_.replaceChildren(...(tests.length === 1 ? [verdict(tests[0], a, b)] : [across(tests, a, b)]));
  }

  // A pair that was planned has the figures of the board: one comparison, one p.
  async function planned_(set, a, b) {
    const piece = await load(`set-${insightv.board.sets.indexOf(set)}`);
    const called = ({ system, arm }) => (arm === "base" ? system : `${system}: ${arm}`);
    for (const row of rows(piece.comparisons)) {
      const kept = { p: row.p, outcome: row.outcome, family: row.family_size };
      if (row.a === called(a) && row.b === called(b)) return { ...kept, difference: row.difference, low: row.low, high: row.high };
      if (row.b === called(a) && row.a === called(b)) {
        return { ...kept, outcome: { higher: "lower", lower: "higher" }[row.outcome] ?? "tie", difference: -row.difference, low: -row.high, high: -row.low };
      }
    }
    return {};
  }

  // Test and interval are of two methods: where they differ by a hair, the interval ends at 0, as the test has it.
  function agreeing({ difference, low, high }, p) {
    if (p >= 0.05) return { low: Math.min(low, 0), high: Math.max(high, 0) };
    return difference > 0 ? { low: Math.max(low, 0), high } : { low, high: Math.min(high, 0) };
  }

  const outcomeOf = (test, p) => (p >= 0.05 ? "tie" : test.difference > 0 ? "higher" : "lower");
  const name = (side_) => make("span", {}, text(side_.system), " ", code(side_.arm));

  function verdict(test, a, b) {
    const words = { higher: "is higher than", lower: "is lower than", tie: "and" }[test.outcome];
    const headline = make("p", { class: "headline" }, name(b), ` ${words} `, name(a),
      test.outcome === "tie" ? ": no difference was found" : "");
    const facts = make("p", {}, make("strong", { id: "difference" }, `${points(test.difference)} points`),
      ` ${interval(test.low, test.high)}, ${pWords(test.p)}, on ${count(test.n)} shared questions. ${test.method[0].toUpperCase()}${test.method.slice(1)}, ${test.family ? `planned, so Holm-adjusted over ${test.family === 1 ? "this comparison alone" : `${test.family} comparisons of the same two systems`}` : "computed in this page from every question's outcome"}.`);
    return make("div", { class: "card" }, headline, facts, make("dl", { class: "two" },
      figure(b, test.accuracyB), figure(a, test.accuracyA)), ...(test.cells ? [cells(test, a, b)] : []));
  }

  const figure = (side_, share) => make("div", {}, make("dt", {}, name(side_)), make("dd", {}, `${percent(share)} %`));

  // How the shared questions fall apart; a part leads to its samples.
  function cells(test, a, b) {
    const shown = test.set.num_samples > 0 && a.arm === b.arm;
    const parts = [["both", "both right", ""], ["onlyB", "only the first right", "b"], ["onlyA", "only the second right", "a"], ["neither", "neither right", ""]];
    const bar = make("div", { class: "parts", "aria-hidden": "true" }, ...parts.map(([key]) => {
      const part = make("span", { class: key });
      part.style.flexGrow = test.cells[key];
      return part;
    }));
    const items = parts.map(([key, words, who]) => {
      const label = `${count(test.cells[key])} ${words}`;
      const state_ = [["set", test.set.name], ["a", a.system], ["b", b.system], ["arm", a.arm], ["differ", who]];
      return make("li", {}, make("i", { class: `key ${key}`, "aria-hidden": "true" }),
        shown && who ? make("a", { href: insightv.link("samples", state_) }, label) : label);
    });
    return make("div", {}, bar, make("ul", { class: "keys" }, ...items));
  }

  function across(tests, a, b) {
    const num = (outcome) => tests.filter((test) => test.outcome === outcome).length;
    const head = make("p", { class: "headline" }, name(b), " against ", name(a),
      `: higher on ${num("higher")}, lower on ${num("lower")}, no difference found on ${num("tie")} of ${tests.length} tasks`);
    const columns = [
      { key: "set", title: "Task", kind: "name", value: (test) => test.set.name, cell: (test) => text(insightv.setName(test.set)) },
      { key: "b", title: "First, %", value: (test) => test.accuracyB, cell: (test) => percent(test.accuracyB) },
      { key: "a", title: "Second, %", value: (test) => test.accuracyA, cell: (test) => percent(test.accuracyA) },
      ...differences(tests),
    ];
    return make("div", { class: "card" }, head, table({ rows: tests, columns,
      caption: "Paired tests from every question's outcome; p of a planned pair as planned, else Holm-adjusted over the tasks" }));
  }

  // The columns that every table of paired tests has.
  function differences(among) {
    const most = Math.max(0.1, ...among.map((row) => Math.max(Math.abs(row.low), Math.abs(row.high))));
    return [
      { key: "outcome", title: "Outcome", kind: "name", value: (row) => row.outcome, cell: (row) => insightv.outcome(row.outcome) },
      { key: "difference", title: "Difference, points", value: (row) => row.difference, kind: "share",
        cell: (row) => [...estimate(row.difference, row.low, row.high, points), strip(row.difference, row.low, row.high, -most, most)] },
      { key: "p", title: "p (Holm)", value: (row) => row.p, cell: (row) => probability(row.p) },
      { key: "n", title: "Shared questions", value: (row) => row.n, cell: (row) => count(row.n) },
    ];
  }

  async function drawPlanned() {
    const sets = insightv.board.sets;
    const chosen = sets.find((one) => one.name === state.get("set")) ?? sets[0];
    if (planned.dataset.of === chosen.name) return;
    const piece = await load(`set-${sets.indexOf(chosen)}`);
    const all = rows(piece.comparisons);
    planned.dataset.of = chosen.name;
    planned.replaceChildren(make("h3", {}, "Planned comparisons"));
    if (sets.length > 1) {
      const change = (value) => { state.set("set", value); insightv.note("compare", state); drawPlanned().catch(insightv.trouble); };
      planned.append(make("div", { class: "controls" }, select("Task", insightv.setChoice(sets), chosen.name, change)));
    }
    for (const [family, caption] of insightv.board.families) {
      const of = all.filter((row) => row.family === family);
      if (of.length) planned.append(familyTable(of, `${caption}; p Holm-adjusted over those of the same two systems, intervals of that level`));
    }
    if (!all.length) planned.append(make("p", { class: "absent" }, "No planned comparison has rows on both sides."));
  }

  function familyTable(of, caption) {
    const columns = [
      { key: "group", title: "System or arm", kind: "name", value: (row) => row.group, cell: (row) => text(row.group) },
      { key: "label", title: "Comparison", kind: "name", value: (row) => row.label, cell: (row) => text(row.label) },
      ...differences(of),
      { key: "detectable", title: "Detectable, points", value: (row) => row.detectable ?? null,
        cell: (row) => percent(row.detectable) },
    ];
    return table({ caption, rows: of, columns });
  }

  insightv.views.set("compare", { title: "Compare", show });
})();
