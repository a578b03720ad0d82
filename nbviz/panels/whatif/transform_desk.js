// Changing the picture: a slider, and along it the shares of the likeliest classes.
const WIDE = 360,
  TALL = 120;

/**
 * @typedef {Front & {
 *   kinds: any[],
 *   kind: string,
 *   amount: number,
 *   range: any[],
 *   picture: DataView,
 *   aspect: number,
 *   curve: Record<string, any>,
 *   lines: any[],
 *   stacked: boolean,
 * }} TransformFrontTraits
 */

export default {
  /** @param {View<TransformFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-desk", "nbviz-transform-desk");
    const kind = selectBox(model.get("kinds"), "What is changed");
    const amount = focusable(
      set(el("input", "nbviz-slider nbviz-transform-amount"), { type: "range", min: 0, max: 100, step: "any" }),
    );
    set(amount, { "aria-label": "How much" });
    const figure = el("strong", "nbviz-num"),
      another = set(button("another on top"), { title: "Keeps this change and begins the next one over it" });
    const picture = set(el("div", "nbviz-transform-picture"), {
      role: "img",
      "aria-label": "The changed picture, as the network sees it",
    });
    const chart = set(
      svg("svg", {
        viewBox: `0 0 ${WIDE} ${TALL}`,
        preserveAspectRatio: "none",
        class: "nbviz-transform-curve",
        role: "img",
      }),
      {
        "aria-label": "Shares of the likeliest classes along the slider",
      },
    );
    const legend = el("div", "nbviz-small nbviz-note nbviz-transform-legend");
    const said = set(el("div", "nbviz-caption nbviz-desk-lines"), { role: "status", "aria-live": "polite" });
    root.append(
      el(
        "div",
        "nbviz-head",
        el("span", "nbviz-title", "Change picture"),
        el("span", "nbviz-note", "does the answer stay?"),
      ),
      el("div", "nbviz-bar", kind.box, amount, figure, another),
      drawState(model, el("div"), life),
      picture,
      chart,
      legend,
      said,
    );
    const send = () => model.send({ event: "set", kind: kind.select.value, amount: Number(amount.value) });
    const say = throttle(send, 120);
    const word = () =>
      (figure.textContent = `${Number(Number(amount.value).toPrecision(3))}${model.get("range")[3]}`.replace("-", "−"));
    life.listen(kind.select, "change", send);
    life.listen(amount, "input", () => {
      word();
      mark();
      say();
    });
    life.listen(another, "click", () => model.send({ event: "another" }));
    life.listen(root, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      model.send({ event: "close" });
    });
    const now = svg("line", { class: "now", y1: 0, y2: TALL });
    const across = (value) => {
      const [low, high] = model.get("range");
      return (WIDE * (value - low)) / (high - low || 1);
    };
    const mark = () => set(now, { x1: across(Number(amount.value)), x2: across(Number(amount.value)) });
    const draw = () => {
      const { amounts = [], lines = [], flips = [] } = model.get("curve");
      const half = amounts.length > 1 ? (across(amounts[1]) - across(amounts[0])) / 2 : 0;
      chart.replaceChildren(
        ...flips.map((at) => svg("rect", { class: "flip", x: across(at) - half, width: 2 * half, y: 0, height: TALL })),
        ...lines.map(([, shares], place) =>
          svg("polyline", {
            class: `class-${place}`,
            points: shares.map((share, i) => `${across(amounts[i])},${TALL * (1 - share)}`).join(" "),
          }),
        ),
        now,
      );
      legend.replaceChildren(
        ...lines.map(([name], place) => el("span", `class-${place}`, name)),
        flips.length ? el("span", "flip", "another answer") : "",
      );
      mark();
    };
    life.watch("kind", () => (kind.select.value = model.get("kind")));
    life.watch("range amount", () => {
      const [low, high] = model.get("range");
      set(amount, { min: low, max: high });
      if (document.activeElement !== amount) amount.value = String(model.get("amount"));
      word();
    });
    life.watch("curve range amount", draw);
    life.watch("stacked", () => (another.hidden = !model.get("stacked")));
    life.watch("aspect", () => picture.style.setProperty("--aspect", String(model.get("aspect"))));
    life.watch("lines", () => said.replaceChildren(...model.get("lines").map((line) => runs(el("div"), line))));
    background(model, life, picture, "picture");
    return life.end;
  },
};

function svg(tag, attributes) {
  return set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);
}
