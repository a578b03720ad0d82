// A brush over the picture, and what else paints: the mask, a rectangle, what the map marks.
/**
 * @typedef {Front & {
 *   picture: DataView,
 *   rows: number,
 *   columns: number,
 *   mask: DataView,
 *   keep: boolean,
 *   fill: string,
 *   fills: any[],
 *   method: string,
 *   lines: any[],
 *   answered: number,
 *   offer: string,
 *   flip: Record<string, any>,
 *   flip_words: any[],
 *   flip_share: number,
 * }} PaintFrontTraits
 */

/** @typedef {Model<PaintFrontTraits>} PaintModel */

const FINEST = 1.7;

/** @type {Option[]} */
const FORMS = [
  ["brush", "brush", "Paints where the pointer goes; Shift joins two clicks by a line"],
  ["rectangle", "rectangle", "Paints a rectangle from corner to corner"],
  ["ellipse", "ellipse", "Paints an ellipse from corner to corner"],
];

export default {
  /** @param {View<PaintFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-desk", "nbviz-paint-desk");
    const sheet = paintSheet();
    const mask = maskOf(model, sheet.over);
    const brush = brushControls(model, life, mask);
    root.append(
      deskHead("Explanation", "paint over what you doubt"),
      el("div", "nbviz-bar", ...fillControls(model, life), ...brush.nodes),
      drawState(model, el("div"), life),
      sheet.stack,
      el("div", "nbviz-bar nbviz-desk-foot", ...mapControls(model, life)),
      untilItFlips(model, life),
      deskLines(model, life),
      offeredMap(model, life),
    );
    strokes({ model, life, mask, ...sheet, ...brush });
    rectangle({ model, life, mask, ...sheet, ...brush });
    background(model, life, sheet.picture, "picture");
    closeOnEscape(model, life, root);
    life.watch("rows columns", () => {
      sheet.stack.style.setProperty("--aspect", String(model.get("columns") / Math.max(1, model.get("rows"))));
      mask.resize();
    });
    life.watch("mask", mask.read);
    life.watch("answered", mask.answered);
    return life.end;
  },
};

/** The picture, the paint over it, the ring of the brush and the rectangle of the keyboard. */
function paintSheet() {
  const picture = set(el("div", "nbviz-paint-picture"), { role: "img" }),
    over = el("canvas", "nbviz-paint-over"),
    ring = set(el("div", "nbviz-paint-ring"), { hidden: true }),
    box = set(el("div", "nbviz-paint-box"), { hidden: true });
  const stack = focusable(
    set(el("div", "nbviz-paint-stack", picture, over, ring, box), {
      tabindex: 0,
      role: "application",
      "aria-roledescription": "canvas to paint on",
      "aria-label":
        "The picture, to paint on. R draws a rectangle, E an ellipse: arrows move it, Shift with arrows sizes it, Enter paints it.",
    }),
  );
  return { stack, picture, over, ring, box };
}

/**
 * Whether paint hides or keeps, and what is painted with.
 * @param {PaintModel} model
 * @param {Life} life
 */
function fillControls(model, life) {
  const hide = set(button("Hide", ""), { title: "What is painted is covered" }),
    only = set(button("Keep only", ""), { title: "All but what is painted is covered" });
  const modes = set(el("div", "nbviz-segment", hide, only), { role: "group", "aria-label": "What the brush does" });
  const fill = selectBox([], "What it is painted with");
  const send = () =>
    model.send({ event: "settings", keep: only.getAttribute("aria-pressed") === "true", fill: fill.select.value });
  const mode = (keep) => {
    set(hide, { "aria-pressed": String(!keep) });
    set(only, { "aria-pressed": String(keep) });
  };
  const choose = (keep) => {
    mode(keep);
    send();
  };
  life.listen(hide, "click", () => choose(false));
  life.listen(only, "click", () => choose(true));
  life.listen(fill.select, "change", send);
  life.watch("keep", () => mode(model.get("keep")));
  life.watch("fills fill", () => {
    fillSelect(fill.select, model.get("fills"));
    fill.select.value = model.get("fill");
  });
  return [modes, fill.box];
}

/** What paints: a brush of some size or a form, whether it erases; and the mask the other way round. */
function brushControls(model, life, mask) {
  const title = "Size of the brush";
  const size = set(deskSlider("nbviz-desk-brush", title, { min: 4, max: 96, step: 1, value: 30 }), { title });
  const erase = set(button("Erase"), { title: "The brush takes paint away", "aria-pressed": "false" }),
    invert = set(button("Invert"), { title: "Paints all that isn't painted, and the other way round" });
  const erasing = () => erase.getAttribute("aria-pressed") === "true";
  life.listen(erase, "click", () => set(erase, { "aria-pressed": String(!erasing()) }));
  life.listen(invert, "click", () => mask.invert());
  const form = selectBox(FORMS, "What paints");
  const sized = el("span", "nbviz-desk-sized", el("span", "nbviz-small nbviz-note", "size"), size);
  life.listen(form.select, "change", () => {
    sized.hidden = form.select.value !== "brush";
  });
  const nodes = [form.box, sized, erase, invert];
  // in 224ths of the picture's width: so many pixels would cover a picture of 28; a dot that is smaller than FINEST
  // and lies where pixels meet would cover half of none, and paint nothing
  const brush = () => Math.max(FINEST, (Number(size.value) * model.get("columns")) / 224);
  return { nodes, brush, erasing, form: () => form.select.value };
}

/**
 * Painting what the map marks most, or all but that.
 * @param {PaintModel} model
 * @param {Life} life
 */
function mapControls(model, life) {
  const title = "Share of the picture, in per cent";
  const share = set(deskSlider("nbviz-desk-share", title, { min: 1, max: 50, step: 1, value: 10 }), { title });
  const marks = button("hide what the map marks"),
    rest = set(button("all but that"), { title: "Hides all but what the map marks" });
  const percent = el("span", "nbviz-small nbviz-num");
  const send = (event) => model.send({ event, share: Number(share.value) / 100 });
  life.listen(marks, "click", () => send("marks"));
  life.listen(rest, "click", () => send("rest"));
  percent.title = "This share of the picture, where the map is strongest, is painted over";
  const words = () => (percent.textContent = `most important ${share.value} %`);
  life.listen(share, "input", words);
  words();
  life.watch("method", () => (marks.title = `Hides the share of the picture that ${model.get("method")} marks most`));
  const until = set(button("until it flips"), {
    title: "Hides more and more of what the map marks until the answer changes, beside random maps and plain edges",
  });
  life.listen(until, "click", () => model.send({ event: "flip" }));
  return [marks, rest, el("span", "nbviz-desk-marked", share, percent), until];
}

/**
 * The link to the map that foretells what was painted exactly.
 * @param {PaintModel} model
 * @param {Life} life
 */
function offeredMap(model, life) {
  const link = set(button("", "nbviz-link"), {
    title: "A path that begins at what is painted with foretells this paint",
  });
  life.listen(link, "click", () => model.send({ event: "from_fill" }));
  life.watch("offer", () => {
    link.textContent = model.get("offer");
    link.hidden = !model.get("offer");
  });
  return link;
}
