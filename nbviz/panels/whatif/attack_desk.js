// The attack desk: controls, four pictures, what was measured.
/**
 * @typedef {Front & {
 *   kind: string,
 *   kinds: any[],
 *   size: number,
 *   largest: number,
 *   into: number,
 *   classes: any[],
 *   pictures: any[],
 *   captions: any[],
 *   notes: any[],
 *   lines: any[],
 *   smallest: string,
 * }} AttackFrontTraits
 */

export default {
  /** @param {View<AttackFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-desk", "nbviz-attack-desk");
    const kind = selectBox(model.get("kinds"), "Attack"),
      into = selectBox([["-1", "away from its class"]], "Where the attack leads");
    const size = focusable(
      set(el("input", "nbviz-slider nbviz-attack-size"), {
        type: "range",
        min: 0,
        max: model.get("largest"),
        step: 0.25,
      }),
    );
    set(size, { "aria-label": "How far a pixel may move, in grey levels of 255" });
    const figure = el("strong", "nbviz-num");
    const cells = [0, 1, 2, 3].map(() => {
      const picture = set(el("div", "nbviz-attack-picture"), { role: "img" });
      return { label: el("span", "nbviz-label"), picture, note: el("span", "nbviz-small nbviz-note nbviz-num") };
    });
    const grid = el(
      "div",
      "nbviz-attack-grid",
      ...cells.map((cell) => el("div", "", cell.label, cell.picture, cell.note)),
    );
    const said = set(el("div", "nbviz-caption nbviz-desk-lines"), { role: "status", "aria-live": "polite" });
    const found = el("span", "nbviz-num"),
      find = set(button("find the smallest that flips", "nbviz-link"), {
        title: "Tries sizes from the smallest on, with this attack",
      });
    root.append(
      el(
        "div",
        "nbviz-head",
        el("span", "nbviz-title", "Attack"),
        el("span", "nbviz-note", "the least change that fools it"),
      ),
      el("div", "nbviz-bar", kind.box, into.box),
      el("div", "nbviz-bar nbviz-small nbviz-note", "at most", size, figure, "of 255 grey levels"),
      drawState(model, el("div"), life),
      grid,
      said,
      el("div", "nbviz-caption", found, " ", find),
    );
    const send = () =>
      model.send({ event: "set", kind: kind.select.value, into: Number(into.select.value), size: Number(size.value) });
    const say = throttle(send, 150);
    life.listen(kind.select, "change", send);
    life.listen(into.select, "change", send);
    life.listen(size, "input", () => {
      figure.textContent = size.value;
      say();
    });
    life.listen(find, "click", () => model.send({ event: "find" }));
    life.listen(root, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      model.send({ event: "close" });
    });
    life.watch("kind", () => (kind.select.value = model.get("kind")));
    life.watch("classes into", () => {
      /** @type {Option[]} */
      const classes = model.get("classes").map(([index, text]) => [String(index), text]);
      fillSelect(into.select, [["-1", "away from its class"], ...classes]);
      into.select.value = String(model.get("into"));
    });
    life.watch("size", () => {
      if (document.activeElement !== size) size.value = String(model.get("size"));
      figure.textContent = String(model.get("size"));
    });
    const urls = ["", "", "", ""];
    life.after(() => urls.forEach((url) => URL.revokeObjectURL(url)));
    life.watch("pictures captions notes", () =>
      cells.forEach((cell, place) => {
        urls[place] = bytesUrl(model.get("pictures")[place], urls[place]);
        cell.picture.style.backgroundImage = urls[place] ? `url(${urls[place]})` : "none";
        cell.label.textContent = cell.label.title = model.get("captions")[place];
        set(cell.picture, { "aria-label": model.get("captions")[place] });
        cell.note.textContent = model.get("notes")[place];
      }),
    );
    life.watch("lines", () => said.replaceChildren(...model.get("lines").map((line) => runs(el("div"), line))));
    life.watch("smallest", () => (found.textContent = model.get("smallest")));
    life.watch("state", () => grid.classList.toggle("nbviz-dimmed", model.get("state") === "computing"));
    return life.end;
  },
};
