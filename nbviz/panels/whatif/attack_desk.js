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

/** @typedef {Model<AttackFrontTraits>} AttackModel */

export default {
  /** @param {View<AttackFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-desk", "nbviz-attack-desk");
    const controls = attackControls(model, life);
    const grid = attackPictures(model, life);
    root.append(
      deskHead("Attack", "the least change that fools it"),
      el("div", "nbviz-bar", controls.kind.box, controls.into.box),
      el("div", "nbviz-bar nbviz-small nbviz-note", "at most", controls.size, controls.figure, "of 255 grey levels"),
      drawState(model, el("div"), life),
      grid,
      deskLines(model, life),
      smallestAttack(model, life),
    );
    closeOnEscape(model, life, root);
    life.watch("state", () => grid.classList.toggle("nbviz-dimmed", model.get("state") === "computing"));
    return life.end;
  },
};

/**
 * Which attack, into which class, and how far a pixel may move.
 * @param {AttackModel} model
 * @param {Life} life
 */
function attackControls(model, life) {
  /** @type {Option} */
  const away = ["-1", "away from its class"];
  const kind = selectBox(model.get("kinds"), "Attack"),
    into = selectBox([away], "Where the attack leads");
  const range = { min: 0, max: model.get("largest"), step: 0.25 };
  const size = deskSlider("nbviz-attack-size", "How far a pixel may move, in grey levels of 255", range);
  const figure = el("strong", "nbviz-num");
  const send = () =>
    model.send({ event: "set", kind: kind.select.value, into: Number(into.select.value), size: Number(size.value) });
  const say = throttle(send, 150);
  life.listen(kind.select, "change", send);
  life.listen(into.select, "change", send);
  life.listen(size, "input", () => {
    figure.textContent = size.value;
    say();
  });
  life.watch("kind", () => (kind.select.value = model.get("kind")));
  life.watch("classes into", () => {
    /** @type {Option[]} */
    const classes = model.get("classes").map(([index, text]) => [String(index), text]);
    fillSelect(into.select, [away, ...classes]);
    into.select.value = String(model.get("into"));
  });
  life.watch("size", () => {
    if (document.activeElement !== size) size.value = String(model.get("size"));
    figure.textContent = String(model.get("size"));
  });
  return { kind, into, size, figure };
}

/**
 * The four pictures, each with its caption above and a note below.
 * @param {AttackModel} model
 * @param {Life} life
 */
function attackPictures(model, life) {
  const cells = [0, 1, 2, 3].map(() => {
    const picture = set(el("div", "nbviz-attack-picture"), { role: "img" });
    return { label: el("span", "nbviz-label"), picture, note: el("span", "nbviz-small nbviz-note nbviz-num") };
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
  return el("div", "nbviz-attack-grid", ...cells.map((cell) => el("div", "", cell.label, cell.picture, cell.note)));
}

/**
 * The search for the smallest size that flips the answer.
 * @param {AttackModel} model
 * @param {Life} life
 */
function smallestAttack(model, life) {
  const result = el("span", "nbviz-num");
  const find = set(button("find the smallest that flips", "nbviz-link"), {
    title: "Tries sizes from the smallest on, with this attack",
  });
  life.listen(find, "click", () => model.send({ event: "find" }));
  life.watch("smallest", () => (result.textContent = model.get("smallest")));
  return el("div", "nbviz-caption", result, " ", find);
}
