// The sample viewer. Everything shown is set as text, never as HTML: replies may hold anything.
"use strict";
(() => {
  const PAGE = 20; // samples shown at a time
  const samples = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  let shown = PAGE;

  function make(tag, className, text, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    element.append(...children);
    return element;
  }

  const distinct = (values) => [...new Set(values)];
  const replies = samples.flatMap((sample) => sample.replies);
  const FILTERS = {
    set: ["Set", distinct(samples.map((sample) => sample.set))],
    system: ["System", distinct(samples.map((sample) => sample.system))],
    arm: ["Arm", distinct(replies.map((reply) => reply.arm))],
    outcome: ["Outcome", ["right", "wrong", "unread", "followed the flaw"]],
    flaw: ["Flaw", distinct(replies.map((reply) => reply.flaw)).filter((flaw) => flaw !== "none")],
  };

  function addFilters() {
    for (const [name, [title, values]] of Object.entries(FILTERS)) {
      if (values.length < 2 && name !== "flaw") continue;
      const select = make("select");
      select.name = name;
      select.append(new Option("any", ""), ...values.map((value) => new Option(value, value)));
      form.append(make("label", "", title, select));
    }
    form.addEventListener("change", () => { shown = PAGE; show(); });
    form.addEventListener("submit", (event) => event.preventDefault());
    more.addEventListener("click", () => { shown += PAGE; show(); });
  }

  function outcomeIs(reply, wanted) {
    if (wanted === "unread") return reply.answer === null;
    if (wanted === "followed the flaw") return reply.followed;
    return !wanted || reply.right === (wanted === "right");
  }

  function matches(reply, wanted) {
    return (!wanted.arm || reply.arm === wanted.arm) && (!wanted.flaw || reply.flaw === wanted.flaw)
      && outcomeIs(reply, wanted.outcome);
  }

  function show() {
    const wanted = Object.fromEntries(new FormData(form));
    const asked = wanted.arm || wanted.flaw || wanted.outcome;
    const found = samples.filter((sample) => (!wanted.set || sample.set === wanted.set)
      && (!wanted.system || sample.system === wanted.system)
      && (!asked || sample.replies.some((reply) => matches(reply, wanted))));
    list.replaceChildren(...found.slice(0, shown).map((sample) => card(sample, asked ? wanted : null)));
    count.textContent = `${found.length} of ${samples.length} samples`;
    more.hidden = found.length <= shown;
  }

  function card(sample, wanted) {
    const chips = make("span", "chips");
    for (const reply of sample.replies.filter((one) => one.arm !== "flawed")) {
      chips.append(badge(`${reply.right ? "✓" : "✗"} ${reply.arm}`, reply.right));
    }
    const flawed = sample.replies.filter((one) => one.arm === "flawed");
    const kept = flawed.filter((one) => one.right).length;
    if (flawed.length) chips.append(make("span", "badge", `flawed ${kept}/${flawed.length} right`));
    const summary = make("summary", "", null, make("span", "question", sample.question),
      make("span", "badge", sample.system), chips);
    const element = make("details", "sample", null, summary);
    element.addEventListener("toggle", () => {
      if (element.open && element.children.length === 1) element.append(body(sample, wanted));
    });
    return element;
  }

  const badge = (text, right) => make("span", `badge ${right ? "right" : "wrong"}`, text);

  function body(sample, wanted) {
    const element = make("div", "body");
    if (sample.options.length) {
      const letters = sample.options.map((option, place) => `${String.fromCharCode(65 + place)}. ${option}`);
      element.append(make("p", "", letters.join("   ")));
    }
    element.append(make("p", "", null, "Gold answer: ", make("strong", "", sample.gold)));
    const seen = new Set();
    for (const reply of sample.replies) element.append(replyBox(sample, reply, wanted, seen));
    return element;
  }

  function replyBox(sample, reply, wanted, seen) {
    const box = make("div", `reply ${reply.right ? "is-right" : "is-wrong"}`);
    if (wanted && matches(reply, wanted)) box.classList.add("matched");
    const answer = reply.answer === null ? make("em", "", "unread") : make("bdi", "", reply.answer);
    box.append(make("div", "", null, make("code", "", reply.arm), " answers ", make("strong", "", null, answer), " ",
      badge(reply.right ? "right" : "wrong", reply.right)));
    box.append(make("div", "facts", facts(reply)));
    if (reply.path !== null) box.append(path(sample.paths[reply.path], reply.path, seen));
    if (reply.response) box.append(fold("Reply", make("pre", "", reply.response)));
    return box;
  }

  function facts(reply) {
    const parts = [];
    if (reply.flaw !== "none") parts.push(`flaw: ${reply.flaw}, ${reply.position}, severity ${reply.severity.toFixed(2)}`);
    if (reply.planted !== null) parts.push(`planted answer: ${reply.planted}${reply.followed ? " (followed)" : ""}`);
    if (reply.path_right !== null) parts.push(`path ${reply.path_right ? "right" : "wrong"}`);
    if (reply.verdict !== "none") parts.push(`verdict: path ${reply.verdict}`);
    parts.push(`${reply.tokens.toLocaleString("en")} tokens`);
    return parts.join(" · ");
  }

  function fold(title, content, open = false) {
    const element = make("details", "", null, make("summary", "", title), content);
    element.open = open;
    return element;
  }

  // A path shown by several arms is opened once.
  function path(text, index, seen) {
    const first = !seen.has(index);
    seen.add(index);
    return fold(first ? "Path" : "Path (the same as above)", steps(text) ?? make("pre", "", text), first && index === 0);
  }

  // One JSON object a line: steps, then the answer. Anything else is shown as it came.
  function steps(text) {
    const element = make("ol", "steps");
    let last = null;
    for (const line of text.split("\n").filter((one) => one.trim())) {
      const row = parse(line);
      const title = row?.summary ?? row?.title;
      const content = row?.reasoning ?? row?.content;
      if (typeof content === "string") element.append(make("li", "", null, make("b", "", String(title ?? "")), content));
      else if (row && "answer" in row) last = make("p", "", `Answer of the path: ${row.answer}`);
      else return null;
    }
    return make("div", "", null, element, ...(last ? [last] : []));
  }

  function parse(line) {
    try {
      const row = JSON.parse(line);
      return row && typeof row === "object" ? row : null;
    } catch {
      return null;
    }
  }

  addFilters();
  show();
})();
