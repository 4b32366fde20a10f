// What every view uses: data loaded in pieces, elements, figures as text, and the state in the address.
// Text that others wrote is only ever set as text, never as HTML.
"use strict";
const insightv = (() => {
  const DATA = "page/data/";
  const pieces = new Map();
  const views = new Map();

  function piece(name) {
    if (!pieces.has(name)) {
      const fresh = { asked: false };
      fresh.promise = new Promise((resolve, reject) => Object.assign(fresh, { resolve, reject }));
      pieces.set(name, fresh);
    }
    return pieces.get(name);
  }

  // A piece registers itself by this call: a page opened from a disk may not fetch, yet may load scripts.
  const add = (name, value) => piece(name).resolve(value);

  function load(name) {
    const wanted = piece(name);
    if (!wanted.asked) {
      wanted.asked = true;
      const script = document.createElement("script");
      script.src = `${DATA}${name}.js`;
      script.onload = () => script.remove();
      script.onerror = () => {
        pieces.delete(name); // another try may find it
        wanted.reject(new Error(`${DATA}${name}.js could not be loaded: was the whole folder copied?`));
      };
      document.head.append(script);
    }
    return wanted.promise;
  }

  // `rows` of a table that travelled as columns and rows.
  const rows = (table) => table.rows.map((cells) => Object.fromEntries(table.columns.map((name, i) => [name, cells[i]])));

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "class") element.className = value;
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && known(value)) element.setAttribute(name, value);
    }
    element.append(...children.filter(known));
    return element;
  }

  // Others' text, its direction kept to itself.
  const text = (content) => make("bdi", {}, String(content));
  const code = (content) => make("code", {}, String(content));

  // Figures as the package's `statistics` writes them: one decimal, an interval in brackets, points with their sign.
  const NONE = "–";
  const known = (value) => value !== null && value !== undefined;
  const fixed = (number) => number.toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "−");
  const percent = (share) => (known(share) ? fixed(100 * share) : NONE);
  const interval = (low, high, text = percent) => (known(low) && known(high) ? `[${text(low)}, ${text(high)}]` : NONE);
  const points = (share) => percent(share).replace(/^(?=\d)/, "+");
  const count = (number) => (known(number) ? number.toLocaleString("en") : NONE);
  const probability = (p) => (p < 0.001 ? "< 0.001" : p.toFixed(3));
  const pWords = (p) => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`);
  const spaced = (name) => name.replaceAll("_", " ");

  // A cell's content: a figure, its interval below it; a dash where there is none.
  const absent = () => make("span", { class: "none" }, NONE);
  const estimate = (value, low, high, text = percent) => (known(value)
    ? [make("strong", {}, text(value)), make("small", {}, interval(low, high, text === points ? percent : text))] : [absent()]);

  // A point and its interval on a line; the figures beside it say the same in text.
  function strip(value, low, high, least = 0, most = 1) {
    const place = (share) => `${Math.max(0, Math.min(100, (100 * (share - least)) / (most - least)))}%`;
    const span = make("i", { class: "span" });
    const dot = make("b", { class: "dot" });
    const element = make("span", { class: "strip", "aria-hidden": "true" }, span, dot);
    if (least < 0) element.append(make("u", { class: "zero" }));
    span.style.left = place(low);
    span.style.right = `calc(100% - ${place(high)})`;
    dot.style.left = place(value);
    return element;
  }

  function select(title, options, chosen, change, attributes = {}) {
    const box = make("select", { ...attributes, onchange: () => change(box.value) });
    for (const [value, name] of options) box.append(new Option(name, value, false, value === chosen));
    return make("label", {}, title, box);
  }

  // A set's name in short, where its task alone tells it from the others.
  const setName = (one) => (insightv.board.sets.filter((other) => other.task === one.task).length === 1 ? one.task : one.name);

  const setChoice = (sets) => sets.map((one) => [one.name, setName(one)]);

  const fold = (title, content, open = false) => make("details", { open }, make("summary", {}, title), content);

  // The address: `#view?key=value`.
  function address() {
    const [view, query] = location.hash.slice(1).split(/\?(.*)/s);
    return { view, state: new Map(new URLSearchParams(query ?? "")) };
  }

  function link(view, state) {
    const kept = [...state].filter(([, value]) => value !== "" && known(value));
    return `#${view}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`;
  }

  const go = (view, state) => { location.hash = link(view, state); };

  // The state changes without a new entry in the browser's history.
  const note = (view, state) => { history.replaceState(null, "", link(view, state)); insightv.noted(view); };

  function trouble(error) {
    const place = document.getElementById("trouble");
    place.textContent = error.message;
    place.hidden = false;
  }

  return { add, load, rows, make, text, code, known, fixed, percent, interval, points, count, probability, pWords, absent, estimate,
    spaced, strip, select, setName, setChoice, fold, address, link, go, note, trouble, views, board: null };
})();
