// The board: systems against arms for one task, or against all tasks for one arm. Two systems can be picked to compare.
"use strict";
(() => {
  const { make, text, code, interval, count, points, absent, estimate, strip, select, table, load, rows, spaced } = insightv;
  const ALL = "all";
  const opened = new Set(); // systems whose row is open; they stand in the address
  const picked = new Map(); // system's name -> the set it was picked in
  const place = document.getElementById("view-board");
  const controls = make("div", { class: "controls" });
  const table_ = make("div");
  const figures = make("div");
  let state = new Map();

  const board = () => insightv.board;
  const arms = () => board().arm_meanings.map(([arm]) => arm).filter((arm) => board().arms.some((row) => row.arm === arm));
  const setNamed = (name) => board().sets.find((one) => one.name === name);

  let twinOf = null; // greedy system -> the one whose twin it is
  function isTwin(system, among) {
    twinOf ??= new Map(board().arms.filter((row) => row.twin_of).map((row) => [row.system, row.twin_of]));
    return among.has(twinOf.get(system));
  }

  function chosenSet() {
    if (board().sets.length === 1) return board().sets[0];
    return state.get("set") === ALL || !setNamed(state.get("set")) ? null : setNamed(state.get("set"));
  }

  function chosenArms(task) {
    const present = arms().filter((arm) => board().arms.some((row) => row.set === task.name && row.arm === arm));
    const asked = (state.get("arms") ?? "").split(",").filter((arm) => present.includes(arm));
    if (asked.length) return present.filter((arm) => asked.includes(arm));
    const usual = present.filter((arm) => board().usual_arms.includes(arm));
    return usual.length ? usual : present;
  }

  const mainArm = (among) => ["reason+summary", "reason", "direct", "base"].find((arm) => among.includes(arm)) ?? among[0];

  function change(key, value) {
    state.set(key, value);
    insightv.note("board", state);
    show(state, true);
  }

  function show(next, keep = false) {
    state = next;
    opened.clear();
    for (const system of (state.get("open") ?? "").split("\n")) if (system) opened.add(system);
    if (!keep || !controls.children.length) drawControls();
    else refreshArms();
    drawTable();
    figures.replaceChildren(...(chosenSet() ? insightv.figures(chosenSet().name, "board") : []));
    if (!place.contains(table_)) place.append(controls, table_, figures);
  }

  function drawControls() {
    controls.replaceChildren();
    const task = chosenSet();
    if (board().sets.length > 1) {
      const options = [[ALL, "All tasks"], ...insightv.setChoice(board().sets)];
      controls.append(select("Task", options, task?.name ?? ALL, (value) => { state.delete("sort"); change("set", value); }));
    }
    const search = make("input", { type: "search", value: state.get("find") ?? "", autocomplete: "off" });
    search.addEventListener("input", () => change("find", search.value));
    controls.append(make("label", {}, "Find a system", search), make("div", { class: "arms" }));
    const systems = new Set(board().arms.map((row) => row.system));
    if ([...systems].some((system) => isTwin(system, systems))) controls.append(twinsBox());
    refreshArms();
  }

  // The recipe's own decoding is the headline; the same systems decoded greedily are shown when asked for.
  function twinsBox() {
    const box = make("input", { type: "checkbox" });
    box.checked = state.get("twins") === "shown";
    box.addEventListener("change", () => change("twins", box.checked ? "shown" : ""));
    return make("fieldset", { class: "twins" }, make("legend", {}, "Decoding"), make("label", { class: "chip" }, box, "greedy twins too"));
  }

  function refreshArms() {
    const task = chosenSet();
    const box = controls.querySelector(".arms");
    if (box.dataset.of === (task?.name ?? ALL)) return;
    box.dataset.of = task?.name ?? ALL;
    box.replaceChildren(task ? armBoxes(task) : select("Arm", arms().map((arm) => [arm, arm]), overallArm(), (value) => change("arm", value)));
  }

  const overallArm = () => (arms().includes(state.get("arm")) ? state.get("arm") : mainArm(arms()));

  function armBoxes(task) {
    const chosen = chosenArms(task);
    const present = arms().filter((arm) => board().arms.some((row) => row.set === task.name && row.arm === arm));
    const boxes = present.map((arm) => {
      const box = make("input", { type: "checkbox", value: arm });
      box.checked = chosen.includes(arm);
      return make("label", { class: "chip" }, box, code(arm));
    });
    const group = make("fieldset", {}, make("legend", {}, "Arms"), ...boxes);
    group.addEventListener("change", (event) => {
      if (!group.querySelector("input:checked")) event.target.checked = true; // one arm stays
      const on = [...group.querySelectorAll("input:checked")].map((box) => box.value);
      change("arms", on.join(","));
    });
    return group;
  }

  function sortOf(fallback) {
    const key = state.get("sort") ?? fallback;
    return { key: key.replace(/^-/, ""), down: key.startsWith("-") };
  }

  const TOP = 20; // of many systems, until all are asked for
  const top = () => ({ first: state.get("rows") === "all" ? 0 : TOP, showAll: () => change("rows", "all") });
  const press = (sort) => { state.set("sort", (sort.down ? "-" : "") + sort.key); insightv.note("board", state); };

  // What of an arm's replies is not surely read; nothing where nearly all are: the opened row counts each.
  const FEW = 0.005;
  const READINGS = "Replies whose answer is likely and not sure, replies without one, and the accuracy of sure answers alone";
  function readings(row) {
    const ofReplies = (num) => `${(100 * num / row.n).toFixed(1)} %`;
    const parts = [["likely", row.likely], ["unread", (row.unread ?? 0) - (row.unread_cut ?? 0)], ["unread, cut off", row.unread_cut]]
      .filter(([, num]) => num >= FEW * row.n && num).map(([word, num]) => `${word} ${ofReplies(num)}`);
    if (row.likely >= FEW * row.n && row.likely) parts.push(`sure alone ${(100 * row.sure_accuracy).toFixed(1)}`);
    return parts.join(", ");
  }

  // A column of shares: the figure, its interval in words and on a line.
  function share(key, title, rowOf) {
    return {
      key, title, kind: "share",
      value: (line) => rowOf(line)?.accuracy ?? null,
      cell: (line) => {
        const row = rowOf(line);
        if (!row) return absent();
        const parts = [...estimate(row.accuracy, row.low, row.high), strip(row.accuracy, row.low, row.high)];
        if (readings(row)) parts.push(make("small", { class: "readings", title: READINGS }, readings(row)));
        if (row.above_chance === false) parts.push(make("small", { class: "warn" }, "not above chance"));
        return parts;
      },
    };
  }

  function lines(among) {
    const wanted = (state.get("find") ?? "").trim().toLowerCase();
    const by = new Map();
    const names = new Set(among.map((row) => row.system));
    for (const row of among) {
      if (!wanted && state.get("twins") !== "shown" && isTwin(row.system, names)) continue;
      if (wanted && !row.system.toLowerCase().includes(wanted)) continue;
      if (!by.has(row.system)) by.set(row.system, { system: row.system, base: row.base, round: row.round, rows: new Map() });
      by.get(row.system).rows.set(row.key, row);
    }
    return [...by.values()];
  }

  function drawTable() {
    const task = chosenSet();
    table_.replaceChildren(task ? oneTask(task) : allTasks());
  }

  const amongThemselves = (kept, systems) => (kept.some((line) => isTwin(line.system, systems)) ? "; greedy twins are ranked among themselves" : "");

  function oneTask(task) {
    const shown = chosenArms(task);
    const of = board().arms.filter((row) => row.set === task.name).map((row) => ({ ...row, key: row.arm }));
    const main = mainArm(shown);
    const columns = [nameColumn(task), ...shown.map((arm) => share(arm, code(arm), (line) => line.rows.get(arm)))];
    columns.push(...gains(task));
    if (shown.includes(main)) columns.push({
      key: "tokens", title: make("span", {}, "Tokens a right answer, ", code(main)),
      value: (line) => line.rows.get(main)?.tokens_per_right_answer ?? null,
      cell: (line) => {
        const row = line.rows.get(main);
        const price = count(Math.round(row?.tokens_per_right_answer ?? NaN) || null);
        return row?.tokens_missing ? [price, make("small", { class: "warn" }, " counts missing")] : row?.tokens_hidden ? [price, make("small", {}, " with hidden thought")] : price;
      },
    });
    const ranked = of.some((row) => Number.isInteger(row.rank_best));
    const leads = (line) => line.rows.get(main) ?? line.rows.get("base"); // a base model is ranked by its own arm
    const systems = new Set(of.map((row) => row.system));
    const kept = lines(of);
    const caption = `Accuracy % by system and arm, 95 % intervals; ${insightv.scale(task)}.${ranked ? ` A rank, in arm ${main}${kept.some((line) => !line.rows.has(main) && line.rows.has("base")) ? " (a base model's in its arm base)" : ""}, is the range of places that paired tests leave open${amongThemselves(kept, systems)}.` : ""}`;
    return table({ caption, rows: kept, columns: withRank(columns, leads, kept), sort: sortOf(ranked && kept.some((line) => !line.rows.has(main)) ? "rank" : `-${main}`), press, ...top(), more: (line) => more(line, task),
      empty: "No system of that name." });
  }

  // By paired tests a rank is the range of places that they leave open; systems of one tie group stand together.
  function rankColumn(rowOf) {
    const places = (row) => (row.rank_best === row.rank_worst ? `${row.rank_best}` : `${row.rank_best}–${row.rank_worst}`);
    const ranked = (line) => (Number.isInteger(rowOf(line)?.rank_best) ? rowOf(line) : null);
    return {
      key: "rank", title: "Rank", kind: "rank", ascends: true,
      value: (line) => { const row = ranked(line); return row ? row.rank_best + row.rank_worst / 1e4 - row.accuracy / 1e6 : null; },
      cell: (line) => {
        const row = ranked(line);
        if (!row) return absent();
        return [make("strong", {}, places(row)), row.tie_group ? make("small", {}, `group ${row.tie_group}`) : ""];
      },
    };
  }

  const withRank = (columns, rowOf, among) => {
    const rank = rankColumn(rowOf);
    return among.some((line) => rank.value(line) !== null) ? [columns[0], rank, ...columns.slice(1)] : columns;
  };

  // What the second agent adds and what a flaw takes, by the paired tests of the board.
  function gains(task) {
    const tests = insightv.tests?.get(task.name);
    if (!tests) return [];
    return [["gain", "Second agent adds", "reason+summary", "reason"], ["loss", "A flaw changes", "flawed", "oracle"]]
      .map(([key, title, b, a]) => {
        const of = (line) => tests.get(`${line.system}: ${b}\u0000${line.system}: ${a}`) ?? null;
        return {
          key, title, kind: "gain", has: tests,
          value: (line) => of(line)?.difference ?? null,
          cell: (line) => {
            const row = of(line);
            if (!row) return absent();
            return [insightv.outcome(row.outcome, points(row.difference)), make("small", {}, interval(row.low, row.high))];
          },
        };
      }).filter((column) => board().arms.some((row) => row.set === task.name && column.value(row) !== null));
  }

  function nameColumn(task) {
    return {
      key: "system", title: "System", kind: "name", value: (line) => line.system,
      cell: (line) => {
        const box = make("input", { type: "checkbox", "aria-label": `Pick ${line.system} to compare` });
        box.checked = picked.has(line.system);
        box.addEventListener("change", () => pick(line.system, box.checked, task?.name ?? ""));
        const open = opened.has(line.system);
        const button = make("button", { type: "button", class: "open", "aria-expanded": String(open),
          onclick: () => toggle(line.system) }, text(line.system));
        const about = line.round ? `${line.base} · round ${line.round}` : line.base;
        return make("span", { class: "pick" }, box, make("span", {}, button, make("small", {}, text(about))));
      },
    };
  }

  function toggle(system) {
    if (opened.has(system)) opened.delete(system);
    else opened.add(system);
    state.set("open", [...opened].join("\n"));
    insightv.note("board", state);
    drawTable();
    [...table_.querySelectorAll("button.open")].find((one) => one.textContent === system)?.focus();
  }

  // Everything that is counted of a system, arm by arm.
  const WORDS = { n: "replies", num_questions: "questions", malformed: "malformed paths", cut_off: "cut off at the token cap",
    failed: "replies that never came", likely: "likely, not sure", unread_cut: "unread, cut off", cut_in_thought: "cut off in thought",
    finished_accuracy: "accuracy of the finished", if_cut_wrong: "accuracy if all cut wrong", if_cut_right: "… right" };
  Object.assign(WORDS, { tokens_missing: "tokens not counted, or too few for the text", tokens_hidden: "tokens counted for thought that is not shown" });
  const KNOWN = new Set(["set", "system", "base", "round", "trained", "arm", "key", "accuracy", "low", "high", "above_chance",
    "rank_best", "rank_worst", "tie_group", "sure_accuracy", "finished_low", "finished_high"]);
  function more(line, task) {
    if (!opened.has(line.system)) return null;
    const of = board().arms.filter((row) => row.system === line.system && (!task || row.set === task.name));
    const counted = Object.keys(of[0]).filter((name) => !KNOWN.has(name) && of.some((row) => typeof row[name] === "number"));
    const columns = [
      { key: "arm", title: task ? "Arm" : "Task, arm", kind: "name", cell: (row) => (task ? code(row.arm) : make("span", {}, text(insightv.setName(setNamed(row.set))), " ", code(row.arm))) },
      share("accuracy", "Accuracy %", (row) => row),
      ...counted.map((name) => ({ key: name, title: WORDS[name] ?? spaced(name), cell: (row) => number(row[name]) })),
      ...(of.some((row) => row.dialects?.length) ? [{ key: "dialects", title: "form of the paths", kind: "name",
        cell: (row) => make("small", {}, text((row.dialects ?? []).join(", "))) }] : []),
    ];
    const set = task?.name ?? "";
    const links = make("p", {}, make("a", { href: insightv.link("samples", [["set", set], ["a", line.system]]) }, "Look at its samples"),
      " · ", make("a", { href: insightv.link("compare", [["a", line.system]]) }, "Compare it with another"));
    const lineage = board().lineage.filter((row) => row.system === line.system);
    return make("div", {}, table({ caption: `${line.system}, all that was counted`, rows: of, columns }),
      ...(lineage.length ? [insightv.lineage(lineage, `What ${line.system} came from`)] : []), links);
  }

  const number = (value) => (value === null ? "–" : Number.isInteger(value) ? count(value) : value.toFixed(2));

  function allTasks() {
    const arm = overallArm();
    const of = board().arms.filter((row) => row.arm === arm).map((row) => ({ ...row, key: row.set }));
    const sets = board().sets.filter((one) => of.some((row) => row.set === one.name));
    const averages = new Map(board().averages.filter((row) => row.arm === arm).map((row) => [row.system, row]));
    const mean = (line) => averages.get(line.system);
    const columns = [nameColumn(null),
      ...(averages.size ? [share("mean", `Mean of ${sets.length} tasks`, mean)] : []),
      ...sets.map((one) => share(one.name, text(insightv.setName(one)), (line) => line.rows.get(one.name)))];
    const kept = lines(of);
    const systems = new Set(of.map((row) => row.system));
    const caption = `Accuracy % in arm ${arm} by system and task, 95 % intervals.${averages.size ? ` A mean is of all tasks, each counting the same${amongThemselves(kept, systems)}.` : ""}`;
    return table({ caption, rows: kept, columns: withRank(columns, mean, kept), sort: sortOf(averages.size ? "-mean" : `-${sets[0]?.name}`), press, ...top(), more: (line) => more(line, null),
      empty: "No system of that name." });
  }

  function pick(system, on, set) {
    if (on) picked.set(system, set);
    else picked.delete(system);
    while (picked.size > 2) picked.delete(picked.keys().next().value);
    for (const box of table_.querySelectorAll(".pick input")) {
      box.checked = picked.has(box.parentElement.querySelector("button").textContent);
    }
    drawPicked();
  }

  function drawPicked() {
    const bar = document.getElementById("picked");
    bar.hidden = !picked.size;
    const [a, b] = [...picked.keys()];
    if (!a) return;
    const clear = make("button", { type: "button", onclick: () => { for (const one of [...picked.keys()]) pick(one, false); } }, "Clear");
    const state_ = [["a", a], ["b", b], ["set", chosenSet()?.name]];
    bar.replaceChildren(make("span", {}, text(a), b ? " against " : ", and one more to compare", b ? text(b) : ""),
      ...(b ? [make("a", { class: "button", href: insightv.link("compare", state_) }, "Compare")] : []), clear);
  }

  async function loadTests() {
    const task = chosenSet();
    if (!task || insightv.tests?.has(task.name)) return;
    const piece = await load(`set-${board().sets.indexOf(task)}`);
    insightv.tests ??= new Map();
    insightv.tests.set(task.name, new Map(rows(piece.comparisons).map((row) => [`${row.b}\u0000${row.a}`, row])));
    if (chosenSet() === task) drawTable();
  }

  insightv.views.set("board", { title: "Board", show: (next) => { show(next); loadTests().catch(insightv.trouble); } });
})();
