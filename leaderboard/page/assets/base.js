// What every view uses: data loaded in pieces, elements, figures as text, and the state in the address.
// Text that others wrote is only ever set as text, never as HTML.
"use strict";
const insightv = (() => {
  const DATA = "page/data/";
  const pieces = new Map();
  const views = new Map();

  function piece(name) {
    if (!pieces.has(name)) {
      const made = { asked: false };
      made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
      pieces.set(name, made);
    }
    return pieces.get(name);
  }

  // A piece registers itself by this call: a page opened from a disk may not fetch, yet may load scripts.
  const add = (name, value) => piece(name).resolve(value);

  function load(name) {
    const found = piece(name);
    if (!found.asked) {
      found.asked = true;
      const script = document.createElement("script");
      script.src = `${DATA}${name}.js`;
      script.onload = () => script.remove();
      script.onerror = () => {
        pieces.delete(name); // another try may find it
        found.reject(new Error(`${DATA}${name}.js could not be loaded: was the whole folder copied?`));
      };
      document.head.append(script);
    }
    return found.promise;
  }

  // `rows` of a table that travelled as columns and rows.
  const rows = (table) => table.rows.map((cells) => Object.fromEntries(table.columns.map((name, i) => [name, cells[i]])));

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "class") element.className = value;
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  // Others' text, its direction kept to itself.
  const text = (content) => make("bdi", {}, String(content));
  const code = (content) => make("code", {}, String(content));

  const percent = (share) => (share === null || share === undefined ? "–" : (100 * share).toFixed(2).replace("-", "−"));
  const range = (low, high) => `${percent(low)} – ${percent(high)}`;
  const points = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(2)}`;
  const signed = (share) => (100 * share).toFixed(2).replace("-", "−");
  const count = (number) => (number === null || number === undefined ? "–" : number.toLocaleString("en"));
  const probability = (p) => (p < 0.001 ? "< 0.001" : p.toFixed(3));
  const spaced = (name) => name.replaceAll("_", " ");

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
    const kept = [...state].filter(([, value]) => value !== "" && value !== null && value !== undefined);
    return `#${view}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`;
  }

  const go = (view, state) => { location.hash = link(view, state); };

  // The state changes without a new entry in the browser's history.
  const note = (view, state) => history.replaceState(null, "", link(view, state));

  function trouble(error) {
    const place = document.getElementById("trouble");
    place.textContent = error.message;
    place.hidden = false;
  }

  return { add, load, rows, make, text, code, percent, range, points, signed, count, probability, spaced, strip, select, setName,
    setChoice, fold, address, link, go, note, trouble, views, board: null };
})();
