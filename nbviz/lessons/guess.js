// A question, then one of three ways to answer: options, a number, or a box drawn on a picture.
const STEP = 4;

/**
 * Synced traits of `guess.Guess`.
 * @typedef {{
 *   question: string,
 *   kind: "options" | "number" | "box",
 *   options: string[],
 *   limits: number[],
 *   unit: string,
 *   picture: DataView,
 *   size: number[],
 *   answer: any,
 *   spread: [string, number][],
 * }} GuessTraits
 */

export default {
  /** @param {View<GuessTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz", "nbviz-guess");
    const words = el("div", "nbviz-guess-question", el("span", "nbviz-guess-label", "Guess"), model.get("question"));
    const body = { options: choices, number: figure, box: drawing }[model.get("kind")](model, life);
    set(root, { role: "group", "aria-label": `Guess: ${model.get("question")}` });
    root.append(words, body, foot(model, life));
    // what the next cells tell stays out of sight until there is a guess
    life.watch("answer", () => root.classList.toggle("nbviz-guess-open", !guessed(model)));
    return life.end;
  },
};

const guessed = (model) => model.get("answer") !== null && model.get("answer") !== undefined;

function keep(model, answer) {
  model.set("answer", answer);
  model.save_changes();
}

/** What was kept, and what the class said. */
function foot(model, life) {
  const said = el("div", "nbviz-guess-foot"),
    list = el("ul", "nbviz-guess-spread");
  set(said, { role: "status", "aria-live": "polite" });
  life.watch("answer spread", () => {
    const kept = guessed(model);
    said.textContent = kept
      ? "Kept. Now run the next cell; until then you may change your mind."
      : "The lesson goes on further down: guess first.";
    const rows = kept ? model.get("spread") : [];
    const most = Math.max(1, ...rows.map(([, count]) => count));
    list.hidden = !rows.length;
    list.replaceChildren(
      ...rows.map(([word, count]) => {
        const bar = el("span", "nbviz-guess-bar");
        bar.style.width = `${(100 * count) / most}%`;
        return el("li", "", el("span", "", word), el("span", "nbviz-guess-track", bar), el("span", "", String(count)));
      }),
    );
    set(list, { "aria-label": "What the class guessed" });
  });
  return el("div", "", said, list);
}

function choices(model, life) {
  const group = el("div", "nbviz-guess-options"),
    name = uid("guess");
  set(group, { role: "radiogroup", "aria-label": "Your guess" });
  const radios = model.get("options").map((option) => {
    const radio = focusable(el("input"));
    set(radio, { type: "radio", name, value: option });
    life.listen(radio, "change", () => keep(model, option));
    group.append(el("label", "nbviz-guess-option", radio, el("span", "", option)));
    return radio;
  });
  life.watch("answer", () => radios.forEach((radio) => (radio.checked = radio.value === model.get("answer"))));
  return group;
}

function figure(model, life) {
  const [low, high] = model.get("limits"),
    field = focusable(el("input", "nbviz-input nbviz-guess-number")),
    done = button("Keep my guess");
  set(field, { type: "number", min: low, max: high, step: "any", "aria-label": `A number from ${low} to ${high}` });
  const take = () => {
    const value = field.valueAsNumber;
    if (Number.isFinite(value) && field.checkValidity()) keep(model, value);
    else field.reportValidity();
  };
  life.listen(done, "click", take);
  life.listen(field, "keydown", (event) => {
    if (event.key === "Enter") take();
  });
  life.watch("answer", () => {
    if (typeof model.get("answer") === "number") field.value = model.get("answer");
  });
  const range = el("span", "nbviz-guess-range", `${model.get("unit")} (${low} to ${high})`.trim());
  return el("div", "nbviz-bar", field, range, done);
}

/** Drag to draw; arrow keys move the box, with Shift they move its lower right corner. */
function drawing(model, life) {
  const [height, width] = model.get("size"),
    stage = focusable(el("div", "nbviz-guess-stage")),
    picture = el("img"),
    frame = el("div", "nbviz-guess-box");
  const url = bytesUrl(model.get("picture"), "");
  life.after(() => URL.revokeObjectURL(url));
  set(picture, { src: url, alt: "The picture to draw a box on", draggable: "false" });
  const help = "Drag a box, or use the arrow keys: they move it, with Shift they size it.";
  set(stage, { tabindex: 0, role: "application", "aria-label": help });
  stage.append(picture, frame);
  let start = null;
  const at = (event) => {
    const [row, column] = placeAt(stage, event);
    return [Math.round(row * height), Math.round(column * width)];
  };
  /** @returns {[number, number, number, number]} top, left, bottom, right */
  const between = (one, other) => [
    Math.min(one[0], other[0]),
    Math.min(one[1], other[1]),
    Math.max(one[0], other[0]),
    Math.max(one[1], other[1]),
  ];
  const paint = (box) => {
    frame.hidden = !box;
    if (!box) return;
    const [top, left, bottom, right] = box;
    const places = { top: top / height, left: left / width, height: (bottom - top) / height };
    for (const [side, share] of Object.entries({ ...places, width: (right - left) / width }))
      frame.style[side] = `${100 * share}%`;
  };
  const fine = ([top, left, bottom, right]) => bottom - top > 1 && right - left > 1;
  life.listen(stage, "pointerdown", (event) => {
    event.preventDefault();
    stage.focus();
    stage.setPointerCapture(event.pointerId);
    start = at(event);
  });
  life.listen(stage, "pointermove", (event) => start && paint(between(start, at(event))));
  life.listen(stage, "pointerup", (event) => {
    const box = start && between(start, at(event));
    start = null;
    if (box && fine(box)) keep(model, box);
    else paint(model.get("answer"));
  });
  life.listen(stage, "keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [down, along] = [(step[0] * STEP * height) / 100, (step[1] * STEP * width) / 100].map(Math.round);
    const [top, left, bottom, right] = model.get("answer") || [0.3 * height, 0.3 * width, 0.7 * height, 0.7 * width];
    /** @type {[number, number]} */
    const corner = [bottom + down, right + along];
    /** @type {[number, number, number, number]} */
    const box = event.shiftKey ? [top, left, ...corner] : [top + down, left + along, ...corner];
    const inside = box[0] >= 0 && box[1] >= 0 && box[2] <= height && box[3] <= width;
    if (inside && fine(box)) keep(model, box.map(Math.round));
  });
  life.watch("answer", () => paint(model.get("answer")));
  return el("div", "", stage, el("div", "nbviz-guess-range", help));
}
