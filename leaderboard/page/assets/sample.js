// One question with all that was made of it: picture, gold answer, every path step by step, every reply.
"use strict";
insightv.sample = (() => {
  const { make, text, code, count, fold } = insightv;

  const bits = (reply) => (reply.right ? 1 : 2) | (reply.answer === null ? 4 : 0) | (reply.followed ? 8 : 0);

  function draw(place, asked, systems, at) {
    const head = make("div", { class: "head" }, move(at, -1), make("span", { class: "count" }, at.rank), move(at, 1),
      make("a", { href: at.link, class: "permalink" }, "Link to this sample"));
    const columns = systems.map((one) => column(asked, one, at, systems.length > 1));
    place.replaceChildren(head, question(asked), make("div", { class: `systems of-${systems.length}` }, ...columns));
  }

  function move(at, by) {
    const target = at.step(by);
    return make("button", { type: "button", disabled: target === undefined, onclick: () => at.to(target),
      "aria-label": by < 0 ? "Previous sample" : "Next sample" }, by < 0 ? "←" : "→");
  }

  function question(asked) {
    const pictures = asked.pictures.map((one, i) => picture(one, asked.pictures.length > 1 ? ` ${i + 1}` : ""));
    const options = asked.options.map((option, i) => make("li", {}, make("b", {}, String.fromCharCode(65 + i)), " ", text(option)));
    return make("div", { class: "asked" }, ...(pictures.length ? [make("div", { class: "pictures" }, ...pictures)] : []),
      make("div", {}, make("h3", { class: "question" }, text(asked.question)), ...(options.length ? [make("ul", { class: "options" }, ...options)] : []),
        make("p", {}, "Gold answer ", make("strong", { class: "gold" }, text(asked.gold)), asked.kind ? make("small", {}, " · kind ", text(asked.kind)) : null)));
  }

  function picture(one, number) {
    if (!one) return make("p", { class: "absent" }, `Picture${number} cannot be shown.`);
    const [file, width, height] = one;
    const image = make("img", { src: `page/pictures/${file}`, width, height, alt: `The question's picture${number}`, class: width < 160 ? "tiny" : null });
    return image;
  }

  function column(asked, one, at, several) {
    const replies = one.replies.map((cells) => Object.fromEntries(insightv.board.reply_columns.map((name, i) => [name, cells[i]])));
    const seen = new Map();
    const plain = replies.filter((reply) => reply.flaw === "none");
    const planted = replies.filter((reply) => reply.flaw !== "none");
    const boxes = plain.map((reply) => box(asked, one, reply, at, seen));
    const flawed = planted.map((reply) => box(asked, one, reply, at, seen));
    const title = make("h4", {}, text(one.system));
    if (!replies.length) boxes.push(make("p", { class: "absent" }, "This system has no reply to this question."));
    if (flawed.length) boxes.push(make("h5", {}, `Given paths with a planted flaw: ${planted.filter((reply) => reply.right).length} of ${planted.length} right`), ...flawed);
    return make("section", { class: "system", "aria-label": several ? one.system : null }, title, ...boxes);
  }

  function box(asked, one, reply, at, seen) {
    const answer = reply.answer === null ? make("em", {}, "no answer could be read") : text(reply.answer);
    const head = make("p", { class: "answer" }, code(reply.arm), reply.flaw === "none" ? " " : make("span", { class: "flaw" }, ` ${reply.flaw} `),
      "answers ", make("strong", {}, answer), " ", badge(reply));
    const parts = [head, make("p", { class: "facts" }, ...facts(reply))];
    const index = reply.path;
    if (index !== null) parts.push(pathFold(asked, one, reply, index, seen));
    if (reply.response) parts.push(fold("Reply, as it came", make("pre", {}, reply.response), reply.path === null && reply.response.length < 600));
    const matches = at.asked(reply);
    return make("article", { class: `reply ${reply.right ? "is-right" : "is-wrong"}${matches ? " matched" : ""}` }, ...parts);
  }

  function badge(reply) {
    const made = make("span", { class: `badge ${reply.right ? "right" : "wrong"}` }, reply.right ? "✓ right" : reply.answer === null ? "? unread" : "✗ wrong");
    return reply.followed ? make("span", {}, made, " ", make("span", { class: "badge followed" }, "followed the flaw")) : made;
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
    const items = path.steps.map(([title, said], i) => {
      const marks = [];
      if (planted.has(i)) marks.push(make("span", { class: "badge flaw" }, "⚑ planted flaw"));
      if (path.labelled) marks.push(make("span", { class: `badge ${wrong.has(i) ? "wrong" : "right"}` }, wrong.has(i) ? "✗ judged wrong" : "✓"));
      const correction = path.correction && wrong.size && i === Math.min(...wrong) ? make("small", { class: "correction" }, "should have said: ", text(path.correction)) : null;
      return make("li", { class: planted.has(i) ? "planted" : wrong.has(i) ? "judged-wrong" : null }, make("span", { class: "said" }, make("b", {}, text(title)), " ", text(said)), ...marks, correction);
    });
    const end = make("p", { class: planted.has(path.steps.length) ? "end planted" : "end" }, "The path ends with ",
      path.answer === null ? make("em", {}, "no answer") : make("strong", {}, text(path.answer)),
      planted.has(path.steps.length) ? make("span", { class: "badge flaw" }, "⚑ planted flaw") : null);
    const note = path.note ? make("p", { class: "facts" }, "What was changed: ", text(path.note)) : null;
    return make("div", {}, note, make("ol", { class: "steps" }, ...items), end);
  }

  return { draw, bits };
})();
