// The channels that the class needs: its score as they go and as only they stay, beside random orders.
const NEED_WIDE = 360,
  NEED_TALL = 110;

/**
 * @typedef {Front & {
 *   shown: boolean,
 *   labelled: number,
 *   asked: string[],
 *   curve: Record<string, any>,
 *   words: any[],
 *   classes: any[],
 *   over: string,
 *   progress: string,
 * }} NeedFrontTraits
 */

/** @typedef {Model<NeedFrontTraits>} NeedModel */

export default {
  /** @param {View<NeedFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-need");
    const need = set(button("Which channels does the class need?"), {
        title:
          "Switches channels off one after another, the most needed first, and keeps only them, beside 20 random orders",
      }),
      over = set(button("Over labelled pictures"), {
        title: "What the chosen channels do to each class on its own pictures, beside random channels",
      });
    const progress = el("span", "nbviz-small nbviz-note");
    const said = set(el("p", "nbviz-caption"), { role: "status", "aria-live": "polite" });
    const chart = needChart(model, life),
      table = needClasses(model, life);
    root.append(el("div", "nbviz-bar", need, over, progress), drawState(model, el("div"), life), chart, said, table);
    let due = "";
    for (const [event, node] of Object.entries({ need, over }))
      life.listen(node, "click", () => {
        model.send({ event });
        due = event;
        // with the place of the curve to come, which would lie below where a column of 880 px ends
        if (event === "need") chart.hidden = false;
        root.scrollIntoView({ block: "nearest" });
      });
    life.watch("shown", () => (root.hidden = !model.get("shown")));
    life.watch("asked labelled", () => {
      const asked = model.get("asked");
      set(need, { "aria-pressed": String(asked.includes("need")) });
      set(over, { "aria-pressed": String(asked.includes("over")) });
      over.hidden = !model.get("labelled");
    });
    life.watch("words", () => {
      runs(said, model.get("words"));
      said.hidden = !model.get("words").length;
    });
    life.watch("progress", () => (progress.textContent = model.get("progress")));
    // what was asked for comes below the end of the column; a later answer to somebody else moves nothing
    life.watch("progress words classes", () => {
      const there = model.get(due === "over" ? "classes" : "words").length > 0;
      if (due && there) (due === "over" ? table : said).scrollIntoView({ block: "nearest" });
      if (there && !model.get("progress")) due = "";
    });
    return life.end;
  },
};

/**
 * Two curves, each over the band of its random orders.
 * @param {NeedModel} model
 * @param {Life} life
 */
function needChart(model, life) {
  const chart = set(
    svg("svg", { viewBox: `0 0 ${NEED_WIDE} ${NEED_TALL}`, preserveAspectRatio: "none", role: "img" }),
    {
      class: "nbviz-need-curve",
      "aria-label": "The class's score as channels go and as only they stay; the sentence below says it",
    },
  );
  const high = el("span", "nbviz-need-high"),
    low = el("span", "nbviz-need-low"),
    ticks = el("div", "nbviz-need-ticks nbviz-small nbviz-note nbviz-num");
  const legend = el(
    "div",
    "nbviz-small nbviz-note nbviz-need-legend",
    el("span", "go", "score as they go"),
    el("span", "stay", "as only they stay"),
    el("span", "band", "random orders"),
  );
  const node = el("div", "nbviz-need-chart nbviz-num nbviz-small", legend, chart, high, low, ticks);
  const point = (at, up) => `${(NEED_WIDE * at).toFixed(1)},${(NEED_TALL * (1 - up)).toFixed(1)}`;
  life.watch("curve", () => {
    const curve = model.get("curve"),
      at = curve.at || [];
    node.hidden = !at.length;
    if (!at.length) return;
    const shapes = ["go", "stay"].flatMap((name) => {
      const [least, most] = curve[`${name}_band`].length ? curve[`${name}_band`] : [[], []];
      const edge = [...least.map((up, i) => point(at[i], up)), ...most.map((up, i) => point(at[i], up)).reverse()];
      const line = svg("polyline", { class: name, points: curve[name].map((up, i) => point(at[i], up)).join(" ") });
      return [svg("polygon", { class: `band ${name}`, points: edge.join(" ") }), line];
    });
    chart.replaceChildren(...shapes);
    high.textContent = curve.high;
    low.textContent = curve.low;
    ticks.replaceChildren(
      ...curve.ticks.map(([x, text]) => set(el("span", "", text), { style: `left:${(100 * x).toFixed(1)}%` })),
    );
  });
  return node;
}

/**
 * Each class on its own pictures.
 * @param {NeedModel} model
 * @param {Life} life
 */
function needClasses(model, life) {
  const sentence = el("p", "nbviz-caption"),
    body = el("tbody", ""),
    heads = ["class", "score", "95 % interval", "random", "right", "pictures"].map((text) => el("th", "", text));
  const table = el("table", "nbviz-need-classes nbviz-num nbviz-small", el("thead", "", el("tr", "", ...heads)), body);
  const node = el("div", "", sentence, table);
  life.watch("over classes", () => {
    const rows = model.get("classes");
    node.hidden = !rows.length;
    sentence.textContent = model.get("over");
    body.replaceChildren(
      ...rows.map(([name, effect, band, control, right, count, telling]) => {
        const cells = [name, effect, band, control, right, count].map((text) => el("td", "", String(text)));
        return set(el("tr", telling ? "telling" : "", ...cells), {
          title: telling ? "" : "Its interval holds 0: these pictures don't tell it from no change",
        });
      }),
    );
  });
  return node;
}
