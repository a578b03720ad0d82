// The parts that the desks share: heading, slider, the lines under the picture, a chart's scale, Escape.

/**
 * @param {string} title
 * @param {string} note
 */
function deskHead(title, note) {
  return el("div", "nbviz-head", el("span", "nbviz-title", title), el("span", "nbviz-note", note));
}

/**
 * A slider in our dress; `range` holds min, max and step.
 * @param {string} names
 * @param {string} label
 * @param {{min: number, max: number, step: number | "any", value?: number}} range
 */
function deskSlider(names, label, { value, ...range }) {
  const node = focusable(
    set(el("input", `nbviz-slider ${names}`), { type: "range", ...range, "aria-label": label, title: label }),
  );
  if (value !== undefined) node.value = String(value);
  return node;
}

/**
 * The node that says the desk's `lines`, to a screen reader as well.
 * @param {Model<Front & {lines: any[]}>} model
 * @param {Life} life
 */
function deskLines(model, life) {
  const node = set(el("div", "nbviz-caption nbviz-desk-lines"), { role: "status", "aria-live": "polite" });
  life.watch("lines", () => node.replaceChildren(...model.get("lines").map((line) => runs(el("div"), line))));
  return node;
}

/**
 * Escape closes the desk, and nothing of JupyterLab's hears of it; the focus goes to the button that opened it.
 * @param {Model<any>} model
 * @param {Life} life
 * @param {HTMLElement} root
 */
function closeOnEscape(model, life, root) {
  life.listen(root, "keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    nodeIn(root.closest(".nbviz"), "[data-tool][aria-pressed=true]")?.focus();
    model.send({ event: "close" });
  });
}

/**
 * A chart of a class's share, from 0 at the bottom to 1, with its scale: `across` takes [place 0…1, words] along it.
 * @param {SVGElement} chart
 * @param {string} about What the scale below it counts.
 */
function shareChart(chart, about) {
  const up = el("div", "nbviz-desk-up nbviz-small nbviz-note nbviz-num", el("span", "", "1"), el("span", "", "0"));
  const ticks = el("div", "nbviz-desk-ticks nbviz-small nbviz-note nbviz-num");
  ticks.title = about;
  up.title = "How likely the network takes a class to be";
  return {
    box: el("div", "nbviz-desk-chart", up, chart, ticks),
    /** @param {[place: number, words: string][]} marks */
    across: (marks) =>
      ticks.replaceChildren(
        ...marks.map(([place, words]) => set(el("span", "", words), { style: `left:${100 * place}%` })),
      ),
  };
}
