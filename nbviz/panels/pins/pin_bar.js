// Above the cards: one scale or each its own, and what to put beside at once; large while nothing is pinned.
export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pin-tools");
    const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "Scale" });
    const choices = [
      ["Own scale", false, "Each map ends at its own peak"],
      ["Shared scale", true, "Maps in the same unit end at the same value"],
    ];
    const switches = choices.map(([words, shared, sentence]) => {
      const made = button(words, "");
      made.title = sentence;
      life.listen(made, "click", () => model.send({ event: "scale", shared }));
      return made;
    });
    segment.append(...switches);
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
          const made = button(title);
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
    life.watch("shared", () =>
      switches.forEach((one, at) => set(one, { "aria-pressed": String(model.get("shared") === choices[at][1]) })),
    );
    life.watch("words", () => {
      words.textContent = model.get("words");
      words.hidden = !model.get("words");
    });
    return life.end;
  },
};
