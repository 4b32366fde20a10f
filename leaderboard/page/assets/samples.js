// The samples: a list with filters over strings of outcomes, so that twenty thousand are sifted at once, and beside it one
// question with all that was made of it: image, gold answer, every path step by step, every reply.
"use strict";
(() => {
  const { make, text, code, count, select, load, fold } = insightv;
  const PAGE = 40; // questions of a list at a time
  const BITS = { right: 1, wrong: 2, unread: 4, "followed the flaw": 8 };
  const place = document.getElementById("view-samples");
  const form = make("form", { class: "controls", "aria-label": "Filter the samples" });
  const status = make("p", { class: "count", role: "status" });
  const list = make("ol", { class: "list", "aria-label": "Questions found" });
  const pager = make("div", { class: "pager" });
  const detail = make("div", { class: "detail", id: "sample" });
  const beside = make("div", { class: "beside" }, make("div", { class: "found" }, status, list, pager), detail);
  let state = new Map();
  let piece = null;
  let set = null;
  let found = [];
  let first = 0; // of the list's page
  let turn = 0;
  let focused = ""; // the button that was pressed: it keeps the focus when all is drawn anew

  const shown = () => insightv.board.sets.filter((one) => one.num_samples > 0);
  form.addEventListener("submit", (event) => event.preventDefault());

  async function show(next) {
    state = next;
    if (!place.contains(form)) place.append(form, beside);
    if (!shown().length) {
      place.replaceChildren(place.firstChild, make("p", { class: "absent" }, "No reply's text came with these results."));
      return;
    }
    const mine = (turn += 1);
    const chosen = shown().find((one) => one.name === state.get("set")) ?? shown()[0];
    const loaded = await load(`samples-${insightv.board.sets.indexOf(chosen)}`);
    if (mine !== turn) return;
    if (set !== chosen) [set, piece] = [chosen, loaded];
    const gone = ["a", "b"].map((key) => state.get(key)).find((name) => name && !piece.systems.includes(name));
    if (gone) {
      form.replaceChildren();
      for (const part of [list, pager, status]) part.replaceChildren();
      const known = insightv.board.arms.some((row) => row.system === gone && row.set === chosen.name);
      detail.replaceChildren(make("p", { class: "absent" }, known ? "No replies are shown of " : "On this task there is no system ", text(gone), ". ",
        make("a", { href: insightv.link("samples", [["set", chosen.name]]) }, "Look at the others")));
      return;
    }
    drawForm();
    sift();
    await open();
  }

  const system = (key) => piece.systems.indexOf(state.get(key));
  const main = () => (system("a") >= 0 ? system("a") : richest());

  // The system that has most to show, unless one is asked for.
  function richest() {
    const cells = piece.systems.map((_, at) => piece.outcomes.filter(([one]) => one === at).length);
    return cells.indexOf(Math.max(...cells));
  }

  const other = () => (system("b") >= 0 && system("b") !== main() ? system("b") : -1);

  function drawForm() {
    const focus = document.activeElement?.name;
    const change = (key) => (value) => { state.set(key, value); state.delete("q"); if (key === "set") ["a", "b"].forEach((one) => state.delete(one)); insightv.note("samples", state); show(state).catch(insightv.trouble); };
    const any = (values, name = "any") => [["", name], ...values.map((value) => [value, value])];
    const cells = piece.outcomes.filter(([at]) => at === main() || at === other());
    const armsOf = [...new Set(cells.map(([, arm]) => arm))];
    const flaws = [...new Set(cells.map(([, , flaw]) => flaw))].filter((flaw) => flaw !== "none").sort();
    const kinds = [...new Set(piece.questions.map(([, , kind]) => kind))].filter((kind) => kind).sort();
    const names = piece.systems;
    const box = (title, key, options, chosen) => select(title, options, chosen ?? state.get(key) ?? "", change(key), { name: key });
    const parts = [];
    if (shown().length > 1) parts.push(box("Task", "set", insightv.setChoice(shown()), set.name));
    parts.push(box("System", "a", names.map((name) => [name, name]), names[main()]));
    if (names.length > 1) parts.push(box("Beside it", "b", [["", "no other"], ...names.filter((_, at) => at !== main()).map((name) => [name, name])], names[other()] ?? ""));
    parts.push(box("Arm", "arm", any(armsOf)));
    parts.push(box("Outcome", "outcome", any(Object.keys(BITS))));
    if (other() >= 0) parts.push(box("The two", "differ", [["", "agree or not"], ["any", "disagree"], ["a", `only ${names[main()]} right`], ["b", `only ${names[other()]} right`]]));
    if (flaws.length) parts.push(box("Flaw", "flaw", any(flaws)));
    if (kinds.length > 1) parts.push(box("Kind", "kind", any(kinds)));
    const search = make("input", { type: "search", name: "find", value: state.get("find") ?? "", autocomplete: "off" });
    search.addEventListener("input", () => { state.set("find", search.value); insightv.note("samples", state); sift(); });
    parts.push(make("label", {}, "In the question", search));
    form.replaceChildren(...parts);
    if (focus) form.elements.namedItem(focus)?.focus();
  }

  // The strings of outcomes of one system in the arm and flaw asked for.
  function strings(at) {
    const [arm, flaw] = [state.get("arm"), state.get("flaw")];
    return piece.outcomes.filter(([one, hasArm, hasFlaw]) => one === at && (!arm || hasArm === arm) && (!flaw || hasFlaw === flaw));
  }

  function sift() {
    const wanted = (state.get("find") ?? "").trim().toLowerCase();
    const bit = BITS[state.get("outcome")] ?? 0;
    const asked = bit || state.get("arm") || state.get("flaw");
    const own = strings(main()).map(([, , , digits]) => digits);
    const pairs = other() < 0 ? [] : matched(strings(main()), strings(other()));
    const differ = other() < 0 ? "" : state.get("differ") ?? "";
    const kind = state.get("kind");
    found = [];
    for (let at = 0; at < piece.questions.length; at += 1) {
      const [, title, itsKind] = piece.questions[at];
      if (kind && itsKind !== kind) continue;
      if (wanted && !title.toLowerCase().includes(wanted)) continue;
      if (asked && !own.some((digits) => (bit ? parseInt(digits[at], 16) & bit : digits[at] !== "0"))) continue;
      if (differ && !pairs.some(([one, two]) => differs(one[at], two[at], differ))) continue;
      found.push(at);
    }
    first = 0;
    drawList();
  }

  // What both were asked, arm by arm and flaw by flaw.
  function matched(ones, others) {
    return ones.map(([, arm, flaw, digits]) => [digits, others.find((two) => two[1] === arm && two[2] === flaw)?.[3]]).filter(([, two]) => two);
  }

  function differs(one, two, how) {
    if (one === "0" || two === "0") return false;
    const [rightA, rightB] = [one, two].map((digit) => (parseInt(digit, 16) & 1) === 1);
    return how === "a" ? rightA && !rightB : how === "b" ? rightB && !rightA : rightA !== rightB;
  }

  function drawList() {
    const systems = [main(), other()].filter((at) => at >= 0);
    status.textContent = `${count(found.length)} of ${count(piece.questions.length)} questions`
      + (piece.questions.length < set.num_questions ? ` shown, of ${count(set.num_questions)} in all` : "");
    const open = state.get("q");
    list.start = first + 1;
    list.replaceChildren(...found.slice(first, first + PAGE).map((at) => {
      const [id, title, kind] = piece.questions[at];
      const href = insightv.link("samples", new Map([...state, ["q", id], ["set", set.name]]));
      const marks = systems.map((system_) => make("span", { class: "marks" }, ...(systems.length > 1 ? [make("small", {}, text(piece.systems[system_]))] : []), ...chips(system_, at)));
      return make("li", {}, make("a", { href, "aria-current": id === open ? "true" : null }, make("span", { class: "title" }, text(title)), ...marks, kind ? make("small", { class: "kind" }, text(kind)) : null));
    }));
    drawPager();
  }

  // Each arm's outcome in one mark; the replies to flawed paths as a count.
  function chips(system_, at) {
    const marks = [];
    const planted = new Map();
    for (const [one, arm, flaw, digits] of piece.outcomes) {
      const bits = one === system_ ? parseInt(digits[at], 16) : 0;
      if (!bits) continue;
      if (flaw === "none") marks.push(chip(arm, bits));
      else planted.set(arm, [...(planted.get(arm) ?? []), bits]);
    }
    for (const [arm, all] of planted) marks.push(make("span", { class: "chip" }, `${arm} ${all.filter((bits) => !(bits & 2)).length}/${all.length}`));
    return marks;
  }

  const chip = (arm, bits) => {
    const [mark, word, style] = bits & 4 ? ["?", "unread", "wrong"] : bits & 2 ? ["✗", "wrong", "wrong"] : ["✓", "right", "right"];
    return make("span", { class: `chip ${style}` }, make("span", { "aria-hidden": "true" }, mark), make("span", { class: "unseen" }, word), ` ${arm}`);
  };

  function drawPager() {
    const move = (by) => make("button", { type: "button", disabled: by < 0 ? first === 0 : first + PAGE >= found.length, onclick: () => {
      first = Math.max(0, first + by);
      drawList();
      list.querySelector("a")?.focus();
    } }, by < 0 ? "← Earlier" : "Later →");
    pager.replaceChildren(...(found.length > PAGE ? [move(-PAGE), make("span", {}, `${first + 1}–${Math.min(found.length, first + PAGE)}`), move(PAGE)] : []));
  }

  async function open() {
    const mine = turn;
    const id = state.get("q");
    const asked = piece.questions.findIndex(([one]) => one === id);
    const at = asked >= 0 ? asked : found[0];
    if (at === undefined) { detail.replaceChildren(make("p", { class: "absent" }, "No question fits these filters.")); return; }
    if (id && asked < 0) insightv.trouble(new Error("The question of this address is not among those shown."));
    const rank = found.indexOf(at);
    if (rank >= 0 && (rank < first || rank >= first + PAGE)) { first = rank - (rank % PAGE); drawList(); }
    const stem = `samples-${insightv.board.sets.indexOf(set)}-${Math.floor(at / insightv.board.block)}`;
    const systems = [main(), other()].filter((one) => one >= 0);
    const [asking, ...replies] = await Promise.all([load(stem), ...systems.map((one) => load(`${stem}-${one}`))]);
    if (mine !== turn) return;
    const inside = at % insightv.board.block;
    const [itsId, , kind] = piece.questions[at];
    const shownOf = systems.map((one, i) => ({ system: piece.systems[one], ...(replies[i][inside] ?? { paths: [], replies: [] }) }));
    const bit = BITS[state.get("outcome")] ?? 0;
    drawSample(detail, { id: itsId, kind, ...asking[inside] }, shownOf, {
      asked: (reply) => (state.get("arm") || state.get("flaw") || bit) && (!state.get("arm") || reply.arm === state.get("arm")) && (!state.get("flaw") || reply.flaw === state.get("flaw")) && (!bit || bits(reply) & bit),
      rank: rank >= 0 ? `${count(rank + 1)} of ${count(found.length)}` : "not among those found",
      step: (by) => found[(rank < 0 ? 0 : rank + by)],
      to: (place_) => insightv.go("samples", new Map([...state, ["q", piece.questions[place_][0]], ["set", set.name]])),
      link: insightv.link("samples", [["set", set.name], ["a", piece.systems[main()]], ["b", piece.systems[other()]], ["q", itsId]]),
    });
    if (focused) {
      const wanted = [...detail.querySelectorAll(".head button")].filter((one) => !one.disabled);
      (wanted.find((one) => one.getAttribute("aria-label") === focused) ?? wanted[0])?.focus({ preventScroll: true });
      focused = "";
    }
    detail.querySelector(".matched")?.scrollIntoView({ block: "nearest" });
    for (const one of list.querySelectorAll("a")) one.toggleAttribute("aria-current", false);
    const current = [...list.children][rank - first]?.firstChild;
    if (rank >= first && current) current.setAttribute("aria-current", "true");
  }

  // One question, drawn.
  const bits = (reply) => (reply.right ? 1 : 2) | (reply.answer === null ? 4 : 0) | (reply.followed ? 8 : 0);

  function drawSample(place, asked, systems, at) {
    const head = make("div", { class: "head" }, move(at, -1), make("span", { class: "count" }, at.rank), move(at, 1),
      make("a", { href: at.link, class: "permalink" }, "Link to this sample"));
    const columns = systems.map((one) => column(asked, one, at, systems.length > 1));
    const beside_ = make("div", { class: `systems of-${systems.length}` }, ...columns);
    if (systems.length > 1) align(beside_);
    place.replaceChildren(head, question(asked), beside_);
  }

  // What two systems were asked alike stands on one line, where both have room.
  function align(beside_) {
    const lines = new Map();
    const boxes = [...beside_.querySelectorAll(".system > :not(h4)")];
    const order = (one) => (one.dataset.asked?.includes(" none ") ? 0 : one.dataset.asked ? 2 : 1);
    for (const one of [...boxes].sort((a, b) => order(a) - order(b))) {
      const key = one.dataset.asked ?? one.tagName;
      if (!lines.has(key)) lines.set(key, lines.size + 2);
      one.style.gridRow = lines.get(key);
    }
    beside_.style.setProperty("--lines", lines.size + 1);
  }

  function move(at, by) {
    const target = at.step(by);
    return make("button", { type: "button", disabled: target === undefined, title: by < 0 ? "or the left arrow key" : "or the right arrow key",
      onclick: (event) => { focused = event.currentTarget.getAttribute("aria-label"); at.to(target); },
      "aria-label": by < 0 ? "Previous sample" : "Next sample" }, by < 0 ? "←" : "→");
  }

  // Left and right: the sample before and after. Up and down: along the list, once it has the focus.
  document.addEventListener("keydown", (event) => {
    if (place.hidden || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest?.("input, select, textarea, pre, .scroll")) return;
    const by = { ArrowLeft: 0, ArrowRight: 1 }[event.key];
    if (by !== undefined) { event.preventDefault(); detail.querySelectorAll(".head button")[by]?.click(); }
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const links = [...list.querySelectorAll("a")];
    const next = links[links.indexOf(document.activeElement) + (by ?? 0)];
    if (by && next) { event.preventDefault(); next.focus(); }
  });

  function question(asked) {
    const images = asked.images.map((one, i) => image(one, asked.images.length > 1 ? ` ${i + 1}` : ""));
    const options = asked.options.map((option, i) => make("li", {}, make("b", {}, String.fromCharCode(65 + i)), " ", text(option)));
    return make("div", { class: "asked" }, ...(images.length ? [make("div", { class: "images" }, ...images)] : []),
      make("div", {}, make("h3", { class: "question" }, text(asked.question)), ...(options.length ? [make("ul", { class: "options" }, ...options)] : []),
        make("p", {}, "Gold answer ", make("strong", { class: "gold" }, text(asked.gold)), asked.kind ? make("small", {}, " · kind ", text(asked.kind)) : null)));
  }

  function image(one, number) {
    if (!one) return make("p", { class: "absent" }, `Image${number} cannot be shown.`);
    const [file, width, height] = one;
    const image = make("img", { src: `page/images/${file}`, width, height, alt: `The question's image${number}`, class: width < 160 ? "tiny" : null });
    return image;
  }

  function column(asked, one, at, several) {
    const replies = one.replies.map((cells) => Object.fromEntries(insightv.board.reply_columns.map((name, i) => [name, cells[i]])));
    const seen = new Map();
    const plain = replies.filter((reply) => reply.flaw === "none");
    const planted = replies.filter((reply) => reply.flaw !== "none");
    const votes = new Map(one.votes ?? []);
    const boxes = plain.map((reply) => box(asked, one, reply, at, seen, votes.get(reply.arm === "majority" ? "reason" : reply.arm)));
    const flawed = planted.map((reply) => box(asked, one, reply, at, seen));
    const title = make("h4", {}, text(one.system));
    if (!replies.length) boxes.push(make("p", { class: "absent" }, "This system has no reply to this question."));
    if (flawed.length) boxes.push(make("h5", {}, `Given paths with a planted flaw: ${planted.filter((reply) => reply.right).length} of ${planted.length} right`), ...flawed);
    return make("section", { class: "system", "aria-label": several ? one.system : null }, title, ...boxes);
  }

  // How the replies to the same question vote: each answer with its votes, the most first; and each reply as it came.
  function votesOf(votes) {
    const by = new Map();
    for (const [answer, right] of votes) {
      const key = answer ?? "";
      by.set(key, { answer, right, num: (by.get(key)?.num ?? 0) + 1 });
    }
    const most = [...by.values()].sort((one, other) => other.num - one.num);
    const cast = most.map(({ answer, right, num }) => make("li", {}, make("span", { class: `chip ${right ? "right" : "wrong"}` },
      answer === null ? make("em", {}, "unread") : text(answer), ` × ${num} `, make("span", { "aria-hidden": "true" }, right ? "✓" : "✗"), make("span", { class: "unseen" }, right ? "right" : "wrong"))));
    const each = votes.map(([answer, right, response, tokens, finish], i) => make("li", {}, make("p", {}, `${i + 1}: `, answer === null ? make("em", {}, "no answer could be read") : text(answer), ` ${right ? "✓ right" : "✗ wrong"} · ${count(tokens)} tokens${finish === "length" ? " · cut off at the token cap" : ""}`),
      response ? make("pre", {}, response) : null));
    return make("div", { class: "votes" }, make("p", { class: "facts" }, `${votes.length} replies, ${votes.filter(([, right]) => right).length} right`), make("ul", { class: "cast" }, ...cast),
      fold(`All ${votes.length} replies, as they came`, make("ol", { class: "each" }, ...each)));
  }

  function box(asked, one, reply, at, seen, votes) {
    const answer = reply.answer === null ? make("em", {}, "no answer could be read") : text(reply.answer);
    const head = make("p", { class: "answer" }, code(reply.arm), reply.flaw === "none" ? " " : make("span", { class: "flaw" }, ` ${reply.flaw} `),
      "answers ", make("strong", {}, answer), " ", badge(reply));
    const parts = [head, make("p", { class: "facts" }, ...facts(reply))];
    if (votes) parts.push(votesOf(votes));
    const index = reply.path;
    if (index !== null) parts.push(pathFold(asked, one, reply, index, seen));
    if (reply.response) parts.push(fold("Reply, as it came", make("pre", {}, reply.response), reply.answer === null || (reply.path === null && reply.response.length < 600)));
    const matches = at.asked(reply);
    return make("article", { "data-asked": [reply.arm, reply.flaw, reply.severity, reply.position].join(" "), class: `reply ${reply.right ? "is-right" : "is-wrong"}${matches ? " matched" : ""}` }, ...parts);
  }

  function badge(reply) {
    const right = make("span", { class: `badge ${reply.right ? "right" : "wrong"}` }, reply.right ? "✓ right" : reply.answer === null ? "? unread" : "✗ wrong");
    return reply.followed ? make("span", {}, right, " ", make("span", { class: "badge followed" }, "followed the flaw")) : right;
  }

  function facts(reply) {
    const parts = [];
    const meaning = insightv.board.arm_meanings.find(([arm]) => arm === reply.arm)?.[1];
    if (meaning && reply.flaw === "none") parts.push(meaning);
    if (reply.flaw !== "none") parts.push(`${Math.round(100 * reply.severity)} % of the steps, ${reply.position}`);
    if (reply.planted !== null) parts.push(make("span", {}, "planted answer ", text(reply.planted)));
    if (reply.verdict !== "none") parts.push(`says that the path is ${reply.verdict}`);
    if (reply.path_right !== null && reply.arm !== "reason") parts.push(`the path ends ${reply.path_right ? "right" : "wrong"}`);
    parts.push(`${count(reply.tokens)} tokens`);
    if (reply.finish !== "stop") parts.push(reply.finish === "length" ? "cut off at the token cap" : reply.finish);
    return parts.flatMap((part, i) => (i ? [" · ", part] : [part]));
  }

  // A path that several arms were given is opened once.
  function pathFold(asked, one, reply, index, seen) {
    const path = index >= 0 ? asked.paths[index] : one.paths[-1 - index];
    const first = !seen.has(index);
    if (first) seen.set(index, reply.arm);
    const score = path.score ?? null;
    const title = make("span", {}, reply.arm === "reason" ? "The path it wrote" : first ? "The path it was given" : `The path it was given, as in ${seen.get(index)}`,
      path.steps ? `, ${path.steps.length === 1 ? "1 step" : `${path.steps.length} steps`}` : "",
      score !== null ? make("span", { class: "badge score" }, `${path.judge} ${score}/100`) : null);
    return fold(title, steps(path, reply), first && (reply.arm === "reason" || reply.followed));
  }

  function steps(path, reply) {
    if (!path.steps) return make("div", {}, make("p", { class: "facts" }, "This path could not be read as steps; it is shown as it came."), make("pre", {}, path.text));
    const planted = new Set(path.planted ?? []);
    const wrong = new Set(path.wrong ?? []);
    const items = path.steps.map(([title, reasoning], i) => {
      const marks = [];
      if (planted.has(i)) marks.push(make("span", { class: "badge flaw" }, "⚑ planted flaw"));
      if (path.labelled) marks.push(make("span", { class: `badge ${wrong.has(i) ? "wrong" : "right"}` }, wrong.has(i) ? "✗ judged wrong" : "✓"));
      const correction = path.correction && wrong.size && i === Math.min(...wrong) ? make("small", { class: "correction" }, "should have said: ", text(path.correction)) : null;
      return make("li", { class: planted.has(i) ? "planted" : wrong.has(i) ? "judged-wrong" : null }, make("span", { class: "said" }, make("b", {}, text(title)), " ", text(reasoning)), ...marks, correction);
    });
    const end = make("p", { class: planted.has(path.steps.length) ? "end planted" : "end" }, "The path ends with ",
      path.answer === null ? make("em", {}, "no answer") : make("strong", {}, text(path.answer)),
      planted.has(path.steps.length) ? make("span", { class: "badge flaw" }, "⚑ planted flaw") : null);
    const note = path.note ? make("p", { class: "facts" }, "What was changed: ", text(path.note)) : null;
    return make("div", {}, note, make("ol", { class: "steps" }, ...items), end);
  }

  insightv.views.set("samples", { title: "Samples", show: (next) => show(next).catch(insightv.trouble) });
})();
