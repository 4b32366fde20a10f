// Starts the page: the views, the theme, and the way from one to another by the address.
"use strict";
(() => {
  const THEMES = ["system", "light", "dark"];

  function kept() {
    try { return localStorage.getItem("insightv-theme"); } catch { return null; } // a browser may forbid it
  }

  function setTheme(name) {
    const theme = THEMES.includes(name) ? name : "system";
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    document.getElementById("theme").textContent = `Theme: ${theme}`;
    try { localStorage.setItem("insightv-theme", theme); } catch { /* it lasts for this page alone */ }
    return theme;
  }

  function themes() {
    const button = document.getElementById("theme");
    let theme = setTheme(kept());
    button.hidden = false;
    button.addEventListener("click", () => { theme = setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]); });
  }

  const ORDER = ["board", "compare", "robustness", "rounds", "samples", "about"];

  function drawViews(now) {
    const nav = document.getElementById("views");
    nav.hidden = false;
    nav.replaceChildren(...ORDER.filter(useful).map((name) => insightv.make("a", { href: kept_.get(name) ?? `#${name}`, "aria-current": name === now ? "page" : null },
      insightv.views.get(name).title)));
  }

  // A view that has nothing to show on any set is not offered.
  function useful(name) {
    const { board } = insightv;
    if (name === "rounds") return board.arms.some((row) => row.trained && row.round);
    if (name === "robustness") return board.arms.some((row) => row.arm.includes("flawed")) || board.figures.some((one) => one.section === name);
    return name !== "samples" || board.sets.some((one) => one.num_samples > 0);
  }

  const kept_ = new Map(); // view -> its last address: a tab keeps its search, sort and arms
  let last = "";
  function route() {
    const { view, state } = insightv.address();
    const name = insightv.views.has(view) ? view : last || "board";
    if (view && !insightv.views.has(view) && last) return; // an anchor inside the page
    document.getElementById("trouble").hidden = true;
    for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== `view-${name}`;
    document.title = `${insightv.views.get(name).title} · ${insightv.board.title}`;
    if (view === name) kept_.set(name, location.hash);
    drawViews(name);
    const unknown = ["a", "b"].map((key) => state.get(key)).find((system) => system && !insightv.board.arms.some((row) => row.system === system));
    if (unknown) insightv.trouble(new Error(`This board has no system “${unknown}”: the address is of another board, or was cut.`));
    for (const section of document.querySelectorAll("main > section")) section.classList.toggle("unknown", Boolean(unknown));
    if (!unknown) insightv.views.get(name).show(state);
    if (last && last !== name) {
      if (!state.has("at")) scrollTo(0, 0);
      document.getElementById("main").focus({ preventScroll: true });
    }
    last = name;
  }

  insightv.noted = (view) => { kept_.set(view, location.hash); const now = [...document.querySelectorAll("#views a")].find((one) => one.getAttribute("aria-current")); if (now) now.setAttribute("href", location.hash); };

  async function start() {
    themes();
    insightv.views.set("about", { title: "About", show: (state) => insightv.settings(state) });
    const board = await insightv.load("board");
    const tables = ["arms", "averages", "lineage"].map((name) => [name, insightv.rows(board[name])]);
    insightv.board = { ...board, ...Object.fromEntries(tables) };
    document.getElementById("skip").addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById("main").focus();
    });
    addEventListener("hashchange", route);
    route();
  }

  start().catch(insightv.trouble);
})();
