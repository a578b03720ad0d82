// The switch below the channel's card, and what switching channels off was measured to do.
const HOWS = [
  ["on", "On", "As the network has it"],
  ["off", "Off", "Puts out 0 everywhere"],
  ["mean", "Mean", "Puts out its own mean over the picture everywhere"],
  ["data", "Data mean", "Puts out its mean over the pictures of the index everywhere"],
  ["clamp", "Clamp", "Puts out nothing below, and nothing above, two limits"],
];

/**
 * @typedef {Front & {
 *   channel: number | null,
 *   group: number[],
 *   how: "on" | "off" | "mean" | "data" | "scale" | "clamp" | "mixed",
 *   factor: number,
 *   limits: (number | null)[],
 *   pictures: number,
 *   averaged: string,
 *   due: boolean,
 *   averages: boolean,
 *   only: boolean,
 *   measured: any[],
 *   largest: any[],
 *   classes: any[],
 *   count: number,
 *   all: boolean,
 *   progress: string,
 *   asked: boolean,
 * }} SwitchFrontTraits
 */

/** @typedef {Model<SwitchFrontTraits>} SwitchModel */

export default {
  /** @param {View<SwitchFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-switch");
    root.append(
      el("div", "nbviz-bar nbviz-switch-bar", ...switchControls(model, life), ...switchActs(model, life, root)),
      drawState(model, el("div"), life),
      ...effectLines(model, life),
      classList(model, life),
    );
    life.watch("channel", () => {
      root.hidden = model.get("channel") === null;
    });
    // what was asked for grows below the end of the column; a later answer to somebody else moves nothing
    let due = false;
    life.listen(root, "measure", () => (due = true));
    life.watch("progress classes", () => {
      const progress = model.get("progress"),
        there = model.get("classes").length > 0;
      if (due && (progress || there)) root.scrollIntoView({ block: "nearest" });
      due = due && !(there && !progress);
    });
    return life.end;
  },
};

/**
 * How the channels are put: a segment, the limits of a clamp, the factor.
 * @param {SwitchModel} model
 * @param {Life} life
 */
function switchControls(model, life) {
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "The chosen channels" });
  const hows = HOWS.map(([how, text, title]) => {
    const node = set(button(text, ""), { title, "data-how": how });
    life.listen(node, "click", () => model.send({ event: "put", how }));
    return node;
  });
  segment.append(...hows);
  const data = hows[HOWS.findIndex(([how]) => how === "data")];
  life.watch("pictures", () => {
    const count = model.get("pictures");
    data.hidden = !count;
    data.title = `Puts out its mean over the index's ${count.toLocaleString("en")} pictures everywhere`;
  });
  const place = HOWS.findIndex(([how]) => how === "mean"),
    mean = hows[place];
  life.watch("averages", () => {
    mean.disabled = !model.get("averages");
    mean.title = mean.disabled ? "A channel of this layer puts out one value, its own mean" : HOWS[place][2];
  });
  life.watch("due", () => {
    if (model.get("due")) model.send({ event: "averaged" });
  });
  const factor = focusable(set(el("input", "nbviz-slider"), { type: "range", min: -2, max: 3, step: 0.1 })),
    figure = el("span", "nbviz-num nbviz-small nbviz-switch-factor");
  figure.title = "What the channel puts out is multiplied by this";
  set(factor, { "aria-label": "Factor of the channel, −2 to 3", title: "Scales what the channel puts out" });
  const [low, high] = ["Lowest", "Highest"].map((name) =>
    focusable(
      set(el("input", "nbviz-input nbviz-switch-limit"), {
        type: "number",
        step: "any",
        "aria-label": `${name} value`,
        title: `${name} value; empty for no limit`,
      }),
    ),
  );
  const limits = el("span", "nbviz-switch-limits", low, "…", high);
  // a factor written in Python may lie beyond the slider, or between two of its steps: the figure is the factor's own
  const word = (value) => {
    figure.textContent = `× ${Number(value.toPrecision(4))}`.replace("-", "−");
  };
  const echo = sliderEcho(factor);
  const say = throttle(() => model.send({ event: "scale", factor: echo.send(Number(factor.value)) }), 120);
  life.listen(factor, "input", () => {
    word(Number(factor.value));
    say();
  });
  for (const node of [low, high])
    life.listen(node, "change", () => {
      const [least, most] = [low, high].map(({ value }) => (value === "" ? null : Number(value)));
      if (least !== null || most !== null) model.send({ event: "clamp", low: least, high: most });
    });
  life.watch("how factor limits", () => {
    const how = model.get("how"),
      clamped = how === "clamp";
    for (const node of hows) set(node, { "aria-pressed": String(node.dataset.how === how) });
    echo.take(model.get("factor"));
    limits.hidden = !clamped;
    factor.hidden = figure.hidden = clamped;
    const [least, most] = model.get("limits");
    if (clamped) [low.value, high.value] = [least, most].map((end) => String(end ?? ""));
    word(document.activeElement === factor ? Number(factor.value) : model.get("factor"));
  });
  return [segment, factor, figure, limits];
}

/**
 * Only these, and Measure; how many are chosen together.
 * @param {SwitchModel} model
 * @param {Life} life
 * @param {HTMLElement} root
 */
function switchActs(model, life, root) {
  const only = set(button("only it"), { title: "Switches every other channel of this layer off" }),
    measure = button("Measure");
  const together = el("span", "nbviz-small nbviz-note nbviz-switch-group");
  life.listen(only, "click", () => model.send({ event: "only" }));
  life.listen(measure, "click", () => {
    if (measure.getAttribute("aria-disabled")) return;
    model.send({ event: "measure" });
    root.dispatchEvent(new CustomEvent("measure"));
  });
  life.watch("only", () => set(only, { "aria-pressed": String(model.get("only")) }));
  life.watch("group", () => {
    const group = model.get("group"),
      several = group.length > 1;
    only.textContent = several ? `only these ${group.length}` : "only it";
    together.textContent = several ? `${group.length} together: ${group.join(", ")}` : "";
    together.hidden = !several;
    together.title = together.textContent;
  });
  life.watch("asked", () => {
    const does = "Switches each channel of this layer off once: what every class's score then loses";
    able(measure, !model.get("asked"), does, "This layer's channels are measured, or being measured");
  });
  return [el("span", "nbviz-switch-acts", only, measure), together];
}

/**
 * Foretold beside measured, and the channels with the largest effects.
 * @param {SwitchModel} model
 * @param {Life} life
 */
function effectLines(model, life) {
  const said = set(el("span"), { role: "status", "aria-live": "polite" }),
    cancel = set(button("Cancel", "nbviz-link"), { title: "Leaves the channels as they are" }),
    line = el("div", "nbviz-caption", said, " ", cancel),
    largest = el("div", "nbviz-caption nbviz-num");
  life.watch("measured progress averaged", () => {
    const progress = [model.get("progress"), model.get("averaged")].filter(Boolean).join(" · ");
    runs(said, progress ? [...model.get("measured"), ` ${progress}`] : model.get("measured"));
    line.hidden = !said.textContent;
    cancel.hidden = !model.get("averaged");
  });
  life.listen(cancel, "click", () => model.send({ event: "cancel" }));
  life.watch("largest", () => {
    const all = model.get("largest");
    largest.hidden = !all.length;
    largest.replaceChildren(
      "largest effects: ",
      ...all.flatMap(([channel, words], place) => {
        const node = set(button(String(channel), "nbviz-link"), { title: "Opens its card" });
        node.addEventListener("click", () => model.send({ event: "choose", channel }));
        return [place ? " · " : "", node, ` ${words}`];
      }),
    );
  });
  return [line, largest];
}

/**
 * What every class's score does without the channel, largest change first.
 * @param {SwitchModel} model
 * @param {Life} life
 */
function classList(model, life) {
  const rows = el("div", "nbviz-effect-classes"),
    more = button("", "nbviz-link"),
    node = el(
      "div",
      "nbviz-effects",
      el("div", "nbviz-label", "without it, every class, largest change first"),
      rows,
      more,
    );
  life.listen(more, "click", () => model.send({ event: "all" }));
  life.watch("classes count all", () => {
    const classes = model.get("classes");
    node.hidden = !classes.length;
    rows.replaceChildren(
      ...classes.map(([name, change, bar, explained]) => {
        const fill = set(el("span", bar < 0 ? "against" : ""), {
          style: `width:${50 * Math.abs(bar)}%;left:${bar < 0 ? 50 + 50 * bar : 50}%`,
        });
        const row = el(
          "div",
          "nbviz-effect-class",
          el(explained ? "strong" : "span", "", name),
          el("span", "nbviz-effect-bar", fill),
          el("span", "nbviz-num", change),
        );
        row.title = `${name} ${change}`;
        return row;
      }),
    );
    more.hidden = !model.get("all") && classes.length >= model.get("count");
    more.textContent = model.get("all") ? "the largest only" : `all ${model.get("count").toLocaleString("en")} classes`;
  });
  return node;
}
