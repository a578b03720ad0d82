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
 *   source: string,
 *   sheets: DataView[],
 *   tile: Record<string, any>,
 *   draws: any[],
 *   chosen: number,
 * }} TransformFrontTraits
 */

/** @typedef {Model<TransformFrontTraits>} TransformModel */

export default {
  /** @param {View<TransformFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-desk", "nbviz-transform-desk");
    const curve = shareCurve(model);
    const bar = transformControls(model, life, curve.mark);
    const picture = set(el("div", "nbviz-transform-picture"), {
      role: "img",
      "aria-label": "The changed picture, as the network sees it",
      title: "The changed picture, as the network sees it",
    });
    root.append(
      deskHead("Change picture", "does the answer stay?"),
      bar,
      drawState(model, el("div"), life),
      picture,
      curve.box,
      drawTiles(model, life),
      deskLines(model, life),
    );
    closeOnEscape(model, life, root);
    life.watch("curve range amount", curve.draw);
    life.watch("aspect", () => picture.style.setProperty("--aspect", String(model.get("aspect"))));
    background(model, life, picture, "picture");
    life.watch("source", () => (picture.hidden = curve.box.hidden = Boolean(model.get("source"))));
    return life.end;
  },
};

/**
 * Which change, how much of it, and one more on top; `move` hears where the slider stands.
 * @param {TransformModel} model
 * @param {Life} life
 * @param {(amount: number) => void} move
 */
function transformControls(model, life, move) {
  const kind = selectBox(model.get("kinds"), "What is changed");
  const amount = deskSlider("nbviz-transform-amount", "How much", { min: 0, max: 100, step: "any" });
  const figure = set(el("strong", "nbviz-num"), { title: "How much the picture is changed" }),
    another = set(button("another on top"), { title: "Keeps this change and begins the next one over it" });
  const echo = sliderEcho(amount);
  // as it is said beside the slider: in three digits
  const now = () => Number(Number(amount.value).toPrecision(3));
  const send = () => model.send({ event: "set", kind: kind.select.value, amount: echo.send(now()) });
  const say = throttle(send, 120);
  const word = () => {
    figure.textContent = amountWords(now(), model.get("range")[3]);
  };
  life.listen(kind.select, "change", send);
  life.listen(amount, "input", () => {
    word();
    move(Number(amount.value));
    say();
  });
  life.listen(another, "click", () => model.send({ event: "another" }));
  life.watch("kind", () => (kind.select.value = model.get("kind")));
  life.watch("range amount", () => {
    const [low, high, , , step = "any"] = model.get("range");
    set(amount, { min: low, max: high, step });
    echo.take(model.get("amount"));
    word();
    move(Number(amount.value));
  });
  life.watch("stacked", () => (another.hidden = !model.get("stacked")));
  life.watch("source", () => {
    amount.hidden = figure.hidden = Boolean(model.get("source"));
  });
  return el("div", "nbviz-bar", kind.box, amount, figure, another);
}

/**
 * An amount with its unit.
 * @param {number} amount
 * @param {string} unit
 */
function amountWords(amount, unit) {
  const number = String(Number(amount.toPrecision(3))).replace("-", "−");
  return ["×", "quality"].includes(unit) ? `${unit} ${number}` : `${number}${unit && unit !== "°" ? " " : ""}${unit}`;
}

/**
 * The shares of the likeliest classes along the slider, bands where the answer is another, and where the slider stands.
 * @param {TransformModel} model
 */
function shareCurve(model) {
  const chart = set(svg("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", role: "img" }), {
    class: "nbviz-transform-curve",
    "aria-label": "Shares of the likeliest classes along the slider",
  });
  const about = svg("title", {}, "How likely the classes are as the picture is changed more and more");
  const legend = el("div", "nbviz-small nbviz-note nbviz-transform-legend");
  const now = svg("line", { class: "now", y1: 0, y2: TALL });
  const { box, across: scale } = shareChart(chart, "How much the picture is changed");
  box.append(legend);
  const across = (value) => {
    const [low, high] = model.get("range");
    return (WIDE * (value - low)) / (high - low || 1);
  };
  const draw = () => {
    const { amounts = [], lines = [], flips = [] } = model.get("curve");
    const half = amounts.length > 1 ? (across(amounts[1]) - across(amounts[0])) / 2 : 0;
    chart.replaceChildren(
      about,
      ...flips.map((at) => svg("rect", { class: "flip", x: across(at) - half, width: 2 * half, y: 0, height: TALL })),
      ...lines.map(([, shares], place) =>
        svg("polyline", {
          class: `class-${place}`,
          points: shares.map((share, i) => `${across(amounts[i])},${TALL * (1 - share)}`).join(" "),
        }),
      ),
      now,
    );
    const [low, high, neutral, unit] = model.get("range"),
      ends = neutral > low && neutral < high ? [low, neutral, high] : [low, high];
    scale(ends.map((amount) => [across(amount) / WIDE, amountWords(amount, unit)]));
    legend.replaceChildren(
      ...lines.map(([name], place) => el("span", `class-${place}`, name)),
      flips.length ? el("span", "flip", "another answer") : "",
    );
  };
  return { box, draw, mark: (amount) => set(now, { x1: across(amount), x2: across(amount) }) };
}
