/**
 * Synced traits of `title_bar.TitleFront`.
 * @typedef {Front & {
 *   name: string,
 *   facts: string[],
 *   preprocessing: string,
 *   explained: string,
 *   guessed: boolean,
 *   word: string,
 *   moved: boolean,
 *   back: boolean,
 *   forward: boolean,
 *   copies: [string, string, string][],
 * }} TitleFrontTraits
 */

export default {
  /** @param {View<TitleFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-titlebar");
    const name = el("strong", "nbviz-title-name"),
      facts = el("span", "nbviz-title-facts");
    const pill = el("span", "nbviz-pill"),
      word = el("span", "nbviz-word nbviz-note");
    set(word, { role: "status", "aria-live": "polite" });
    const refresh = button("Refresh"),
      save = button("Save picture");
    refresh.title = "The weights changed since these pictures were computed: compute them again.";
    save.title = "Save the panels as one PNG picture.";
    const copy = copyMenu(model, life),
      help = legend(life, root);
    const row = el(
      "div",
      "nbviz-title-row",
      name,
      facts,
      pill,
      el(
        "span",
        "nbviz-title-end",
        refresh,
        word,
        stepButtons(model, life, root),
        wideButton(life, root),
        copy.menu,
        help.opener,
        save,
      ),
    );
    root.append(row, copy.pop, help.page, drawState(model, el("div"), life));

    life.watch("name facts", () => {
      name.textContent = model.get("name");
      facts.replaceChildren(...model.get("facts").map((fact) => el("span", "", fact)));
      facts.title = model.get("facts").join(" · ");
    });
    life.watch("preprocessing explained guessed", () => {
      pill.textContent = model.get("preprocessing");
      pill.hidden = !model.get("preprocessing");
      pill.title = model.get("explained");
      pill.classList.toggle("nbviz-warning", model.get("guessed"));
    });
    life.watch("word moved", () => {
      const moved = model.get("moved");
      word.textContent = moved ? "weights changed" : model.get("word");
      word.classList.toggle("nbviz-warning", moved);
      refresh.hidden = !moved;
    });
    life.listen(refresh, "click", () => model.send({ event: "refresh" }));
    // A message comes back to every view of this widget: only the one that asked saves the file.
    let asked = false;
    life.listen(save, "click", () => {
      asked = true;
      model.send({ event: "save" });
    });
    life.receive((message, buffers) => {
      if (message.event === "saved" && asked) download(message.name, buffers[0]);
      asked = false;
    });
    return life.end;
  },
};
