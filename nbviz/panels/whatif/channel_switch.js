// The switch below the channel's card, and what switching channels off was measured to do.
const HOWS = [
  ["on", "On", "As the network has it"],
  ["off", "Off", "Puts out 0 everywhere"],
  ["mean", "Mean", "Puts out its own mean over the picture everywhere"],
];

/**
 * @typedef {Front & {
 *   channel: number | null,
 *   how: "on" | "off" | "mean" | "scale",
 *   factor: number,
 *   only: boolean,
 *   measured: any[],
 *   largest: any[],
 *   progress: string,
 *   asked: boolean,
 * }} SwitchFrontTraits
 */

export default {
  /** @param {View<SwitchFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-switch");
    const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "The chosen channel" });
    const hows = HOWS.map(([how, text, title]) => {
      const node = set(button(text, ""), { title, "data-how": how });
      life.listen(node, "click", () => model.send({ event: "put", how }));
      return node;
    });
    segment.append(...hows);
    const factor = focusable(set(el("input", "nbviz-slider"), { type: "range", min: -2, max: 3, step: 0.1 })),
      figure = el("span", "nbviz-num nbviz-small");
    set(factor, { "aria-label": "Factor of the channel, −2 to 3", title: "Scales what the channel puts out" });
    const only = set(button("only it"), { title: "Switches every other channel of this layer off" }),
      measure = set(button("Measure"), {
        title: "Switches each channel of this layer off once: what the score then loses",
      });
    const said = set(el("div", "nbviz-caption"), { role: "status", "aria-live": "polite" }),
      largest = el("div", "nbviz-caption nbviz-num");
    root.append(
      el("div", "nbviz-bar nbviz-switch-bar", segment, factor, figure, only, measure),
      drawState(model, el("div"), life),
      said,
      largest,
    );
    const word = () => {
      figure.textContent = `× ${Number(factor.value)}`.replace("-", "−");
    };
    const say = throttle(() => model.send({ event: "scale", factor: Number(factor.value) }), 120);
    life.listen(factor, "input", () => {
      word();
      say();
    });
    life.listen(only, "click", () => model.send({ event: "only" }));
    life.listen(measure, "click", () => model.send({ event: "measure" }));
    life.watch("how factor", () => {
      for (const node of hows) set(node, { "aria-pressed": String(node.dataset.how === model.get("how")) });
      if (document.activeElement !== factor) factor.value = String(model.get("factor"));
      word();
    });
    life.watch("only", () => set(only, { "aria-pressed": String(model.get("only")) }));
    life.watch("channel", () => {
      root.hidden = model.get("channel") === null;
    });
    life.watch("asked", () => {
      measure.disabled = model.get("asked");
    });
    life.watch("measured progress", () => {
      const progress = model.get("progress");
      runs(said, progress ? [...model.get("measured"), ` ${progress}`] : model.get("measured"));
      said.hidden = !said.textContent;
    });
    life.watch("largest", () => {
      const all = model.get("largest");
      largest.hidden = !all.length;
      largest.replaceChildren(
        "largest: ",
        ...all.flatMap(([channel, words], place) => {
          const node = set(button(String(channel), "nbviz-link"), { title: "Opens its card" });
          node.addEventListener("click", () => model.send({ event: "choose", channel }));
          return [place ? " · " : "", node, ` ${words}`];
        }),
      );
    });
    return life.end;
  },
};
