// The attack desk: controls, four pictures, what was measured.
const SAYS = "What the network says of this picture, or how large the change is";

/**
 * @typedef {Front & {
 *   kind: string,
 *   kinds: any[],
 *   size: number,
 *   largest: number,
 *   norm: "linf" | "l2",
 *   start: boolean,
 *   unit: string,
 *   into: number,
 *   classes: any[],
 *   pictures: any[],
 *   captions: any[],
 *   notes: any[],
 *   lines: any[],
 *   smallest: string,
 *   beside: any[],
 *   others: any[],
 *   map_pictures: DataView[],
 *   map_captions: any[],
 *   map_words: any[],
 * }} AttackFrontTraits
 */

/** @typedef {Model<AttackFrontTraits>} AttackModel */

export default {
  /** @param {View<AttackFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-desk", "nbviz-attack-desk");
    const controls = attackControls(model, life);
    const [grid, more] = attackPictures(model, life);
    root.append(
      deskHead("Attack", "the least change that fools it"),
      el("div", "nbviz-bar nbviz-attack-aims", controls.kind.box, controls.into.box),
      el("div", "nbviz-bar nbviz-small nbviz-note", "at most", controls.size, controls.figure, controls.unit),
      el("div", "nbviz-bar", controls.norm.box, controls.start),
      drawState(model, el("div"), life),
      grid,
      deskLines(model, life),
      besideLines(model, life),
      smallestAttack(model, life),
      more,
      lyingMap(model, life),
    );
    closeOnEscape(model, life, root);
    life.watch("state", () => {
      for (const node of [grid, more]) node.classList.toggle("nbviz-dimmed", model.get("state") === "computing");
    });
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
  /** @type {Option[]} */
  const norms = [
    ["linf", "each value alike", "L∞: no value moves by more than this"],
    ["l2", "all values together", "L2: the root of the sum of squares over the picture is no more than this"],
  ];
  const norm = selectBox(norms, "What the size limits");
  const start = set(button("random start"), { title: "PGD begins at a random place within the size" });
  const unit = el("span");
  const range = { min: 0, max: model.get("largest"), step: 0.25 };
  const size = deskSlider("nbviz-attack-size", "How far a pixel may move, in grey levels of 255", range);
  const figure = set(el("strong", "nbviz-num"), { title: "How far a pixel may move, in grey levels of 255" });
  const echo = sliderEcho(size);
  const send = () =>
    model.send({
      event: "set",
      kind: kind.select.value,
      into: Number(into.select.value),
      norm: norm.select.value,
      start: start.getAttribute("aria-pressed") === "true",
      size: echo.send(Number(size.value)),
    });
  const say = throttle(send, 150);
  life.listen(kind.select, "change", send);
  life.listen(into.select, "change", send);
  life.listen(norm.select, "change", send);
  life.listen(start, "click", () => {
    set(start, { "aria-pressed": String(start.getAttribute("aria-pressed") !== "true") });
    send();
  });
  life.listen(size, "input", () => {
    figure.textContent = String(Number(Number(size.value).toPrecision(5)));
    say();
  });
  life.watch("kind norm start", () => {
    kind.select.value = model.get("kind");
    norm.select.value = model.get("norm");
    set(start, { "aria-pressed": String(model.get("start")) });
    start.hidden = !model.get("kind").startsWith("pgd");
    into.box.hidden = model.get("kind") === "noise";
  });
  life.watch("classes into", () => {
    /** @type {Option[]} */
    const classes = model.get("classes").map(([index, text]) => [String(index), text]);
    fillSelect(into.select, [away, ...classes]);
    into.select.value = String(model.get("into"));
  });
  life.watch("size largest unit", () => {
    set(size, { max: model.get("largest"), step: model.get("norm") === "l2" ? "any" : 0.25 });
    unit.textContent = model.get("unit");
    echo.take(model.get("size"));
    figure.textContent = String(Number(Number(size.value).toPrecision(5)));
  });
  return { kind, into, size, figure, unit, norm, start };
}

/**
 * The pictures, each with its caption above and a note below: the attack's four, and those that stand after what was
 * measured, which would else lie below the end of the column.
 * @param {AttackModel} model
 * @param {Life} life
 */
function attackPictures(model, life) {
  const cells = [0, 1, 2, 3, 4, 5].map(() => {
    const picture = set(el("div", "nbviz-attack-picture"), { role: "img" });
    return {
      label: el("span", "nbviz-label"),
      picture,
      note: set(el("span", "nbviz-small nbviz-note nbviz-num"), { title: SAYS }),
    };
  });
  const boxes = cells.map((cell) => el("div", "", cell.label, cell.picture, cell.note));
  const urls = cells.map(() => "");
  life.after(() => urls.forEach((url) => URL.revokeObjectURL(url)));
  life.watch("pictures captions notes", () =>
    cells.forEach((cell, place) => {
      urls[place] = bytesUrl(model.get("pictures")[place] ?? null, urls[place]);
      cell.picture.style.backgroundImage = urls[place] ? `url(${urls[place]})` : "none";
      const caption = model.get("captions")[place] ?? "";
      cell.label.textContent = cell.label.title = caption;
      set(cell.picture, { "aria-label": caption, title: caption });
      cell.note.textContent = model.get("notes")[place] ?? "";
      boxes[place].hidden = !caption;
    }),
  );
  return [boxes.slice(0, 4), boxes.slice(4)].map((some) => el("div", "nbviz-attack-grid", ...some));
}

/**
 * What the networks beside this one say of the same picture.
 * @param {AttackModel} model
 * @param {Life} life
 */
function besideLines(model, life) {
  const node = set(el("div", "nbviz-caption"), { role: "status", "aria-live": "polite" });
  life.watch("beside", () => node.replaceChildren(...model.get("beside").map((line) => runs(el("div"), line))));
  return node;
}

/**
 * The search for the smallest size that flips the answer.
 * @param {AttackModel} model
 * @param {Life} life
 */
function smallestAttack(model, life) {
  const result = set(el("span", "nbviz-num"), { title: "The smallest size at which the answer is another" });
  const find = set(button("find the smallest that flips", "nbviz-link"), {
    title: "Tries sizes from the smallest on, with this attack",
  });
  life.listen(find, "click", () => model.send({ event: "find" }));
  life.watch("smallest", () => (result.textContent = model.get("smallest")));
  return el("div", "nbviz-caption", result, " ", find);
}
