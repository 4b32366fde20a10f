// A table that is sorted by its headings. A column: `key`, `title`, `cell(row)`, and where it sorts `value(row)`.
"use strict";
insightv.table = (() => {
  const { make } = insightv;
  const order = new Intl.Collator("en", { numeric: true });

  // Rows without a value stand last either way.
  function compare(column, down) {
    return (one, other) => {
      const [a, b] = [column.value(one), column.value(other)];
      const [noA, noB] = [a === null || a === undefined, b === null || b === undefined];
      if (noA || noB) return noA - noB;
      const order_ = typeof a === "string" ? order.compare(a, b) : a - b;
      return down ? -order_ : order_;
    };
  }

  function sorted(rows, columns, sort) {
    const column = columns.find((one) => one.key === sort?.key && one.value);
    return column ? [...rows].sort(compare(column, sort.down)) : rows;
  }

  function heading(column, sort, press) {
    const now = sort?.key === column.key;
    const state = now ? (sort.down ? "descending" : "ascending") : null;
    const cell = make("th", { scope: "col", class: column.kind ?? "number", "aria-sort": state });
    if (!column.value) cell.append(column.title);
    else {
      const mark = make("span", { class: "mark", "aria-hidden": "true" }, now ? (sort.down ? "▼" : "▲") : "↕");
      cell.append(make("button", { type: "button", class: "sort", "data-key": column.key, onclick: () => press(column) },
        column.title, mark));
    }
    return cell;
  }

  function body(rows, columns, more) {
    const element = make("tbody");
    for (const row of rows) {
      const cells = columns.map((column, place) => {
        const attributes = { class: column.kind ?? "number" };
        const cell = place ? make("td", attributes) : make("th", { ...attributes, scope: "row" });
        const content = column.cell(row);
        cell.append(...(Array.isArray(content) ? content : [content]));
        return cell;
      });
      element.append(make("tr", {}, ...cells));
      const extra = more?.(row);
      if (extra) element.append(make("tr", { class: "more" }, make("td", { colspan: columns.length }, extra)));
    }
    return element;
  }

  // A table's cells as plain text, headings first; what stands below a row is left out.
  function cellsOf(element) {
    const said = (cell) => [...cell.childNodes].map((node) => (node.matches?.(".strip, .mark, [aria-hidden], input") ? "" : node.innerText ?? node.textContent)).join(" ");
    const lines = [...element.querySelectorAll(":scope > thead > tr, :scope > tbody > tr:not(.more)")];
    return lines.map((line) => [...line.children].map((cell) => said(cell).replace(/[↕▲▼]/g, "").replace(/\s+/g, " ").trim()));
  }

  const quoted = (cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : /^[=+@\t]/.test(cell) ? `'${cell}` : cell);
  const TEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}" };
  const tex = (cell) => cell.replace(/[\\~^<>|&%$#_{}]/g, (one) => TEX[one] ?? `\\${one}`).replaceAll("−", "$-$");
  const FORMATS = {
    Markdown: (lines) => lines.map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).toSpliced(1, 0, `|${" --- |".repeat(lines[0].length)}`).join("\n"),
    CSV: (lines) => lines.map((line) => line.map(quoted).join(",")).join("\n"),
    LaTeX: (lines, caption) => ["\\begin{table}", "\\centering", `\\caption{${tex(caption)}}`, `\\begin{tabular}{l${"r".repeat(lines[0].length - 1)}}`, "\\toprule",
      ...lines.map((line, i) => line.map(tex).join(" & ") + " \\\\" + (i ? "" : "\n\\midrule")), "\\bottomrule", "\\end{tabular}", "\\end{table}"].join("\n"),
  };

  insightv.copyButton = (name, of) => make("button", { type: "button", onclick: async (event) => {
    const text = of();
    try { await navigator.clipboard.writeText(text); event.target.textContent = `${name} copied`; } catch {
      const box = make("textarea", { readonly: true, rows: 6, "aria-label": `As ${name}` });
      box.value = text; // from a disk a page may not write the clipboard: it is selected instead
      event.target.closest(".copies").append(box);
      box.select();
    }
  } }, `Copy as ${name}`);

  const copies = (element, caption) => make("div", { class: "copies" },
    ...Object.keys(FORMATS).map((name) => insightv.copyButton(name, () => FORMATS[name](cellsOf(element), caption))));

  const FEW_MORE = 5; // so many are not hidden behind a button

  // `sort`: {key, down}; `press(sort)` is told of a new one. `more(row)`: what stands below a row, or nothing. `first`: of
  // many rows so many are shown, and those that are open, until `showAll` is pressed.
  return function table({ caption, rows, columns, sort, press, more, first, showAll, empty = "Nothing to show." }) {
    const place = make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption });
    let now = sort;
    const draw = (focus) => {
      const turn = (column) => {
        now = { key: column.key, down: now?.key === column.key ? !now.down : column.kind !== "name" && !column.ascends };
        press?.(now);
        draw(column.key);
      };
      const head = make("thead", {}, make("tr", {}, ...columns.map((column) => heading(column, now, turn))));
      const all = sorted(rows, columns, now);
      const shown = first && all.length > first + FEW_MORE ? all.filter((row, i) => i < first || more?.(row)) : all;
      place.replaceChildren(make("table", {}, make("caption", {}, make("span", {}, caption)), head, body(shown, columns, more)));
      if (shown.length < all.length) {
        place.append(make("div", { class: "copies" }, make("span", {}, `The first ${insightv.count(shown.length)} of ${insightv.count(all.length)} `),
          make("button", { type: "button", class: "show-all", onclick: showAll }, `Show all ${insightv.count(all.length)}`)));
      }
      if (rows.length) place.append(copies(place.querySelector("table"), caption));
      if (!rows.length) place.append(make("p", { class: "absent" }, empty));
      if (focus) [...place.querySelectorAll("button.sort")].find((one) => one.dataset.key === focus)?.focus();
    };
    draw();
    return place;
  };
})();
