// Above the cards: one scale or each its own, and what to put beside at once; large while nothing is pinned.
/**
 * Synced traits of `pin_bar.PinBar`.
 * @typedef {Front & {
 *   count: number,
 *   shared: boolean,
 *   words: string,
 *   sets: Option[],
 * }} PinBarTraits
 */

export default {
  /** @param {View<PinBarTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pin-tools");
    const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "Scale" });
    /** @type {Choice[]} */
    const choices = [
      ["own", "Own scale", "Each map ends at its own peak"],
      ["shared", "Shared scale", "Maps in the same unit end at the same value"],
    ];
    life.watch("shared", () =>
      fillSegment(segment, choices, model.get("shared") ? "shared" : "own", (key) =>
        model.send({ event: "scale", shared: key === "shared" }),
      ),
    );
    const add = selectBox([], "Put beside"),
      clear = button("Clear"),
      words = el("div", "nbviz-caption nbviz-pin-words");
    const bar = el("div", "nbviz-bar", segment, add.box, clear),
      empty = el("div", "nbviz-pin-empty");
    clear.classList.add("nbviz-right");
    clear.title = "Unpins all maps";
    root.append(bar, empty, drawState(model, el("div"), life), words);
    life.listen(clear, "click", () => model.send({ event: "clear" }));
    life.listen(add.select, "change", () => {
      model.send({ event: "add", name: add.select.value });
      add.select.value = "";
    });
    life.watch("sets", () => {
      const sets = model.get("sets");
      fillSelect(add.select, [["", "Put beside…"], ...sets]);
      empty.replaceChildren(
        el("p", "", "Pin keeps the map on show here, so that you can look at another beside it. Or begin with:"),
        ...sets.map(([name, title, sentence]) => {
          const made = set(button(title), { title: sentence });
          made.dataset.set = name;
          made.addEventListener("click", () => model.send({ event: "add", name }));
          return el("div", "nbviz-pin-set", made, el("span", "nbviz-small nbviz-caption", sentence));
        }),
      );
    });
    life.watch("count", () => {
      bar.hidden = !model.get("count");
      empty.hidden = Boolean(model.get("count"));
    });
    life.watch("words", () => {
      words.textContent = model.get("words");
      words.hidden = !model.get("words");
    });
    return life.end;
  },
};
