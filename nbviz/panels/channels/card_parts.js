// What a card has beside the map here: the made picture, which opens large, and the found ones with their places.
const VARIANTS = [
  ["channel", "One", "The picture that drives the channel most"],
  ["facets", "Facets", "Four pictures that drive it and are unlike each other: does it look for several things?"],
  ["opposite", "Opposite", "The picture that drives it furthest below zero"],
];
const CURVE = { width: 220, height: 56 };

/** A box that says what could stand in it, with the button that begins. */
function blank(send) {
  const said = el("span", "nbviz-num"),
    begin = button("", "nbviz-link");
  begin.addEventListener("click", send);
  const node = el("div", "nbviz-blank", said, begin);
  return {
    node,
    say(words, text) {
      said.textContent = words;
      said.hidden = !words;
      begin.textContent = text;
      begin.hidden = !text;
    },
  };
}

/**
 * The made picture beside the others, and enlarged with what else can be made.
 * @param {Model<import("./channel_card.js").ChannelCardTraits>} model
 */
function madePart(model, life, root) {
  const send = (event, more = {}) => model.send({ event, ...more });
  const empty = blank(() => send(model.get("made").state === "computing" ? "stop" : "make"));
  const picture = set(button("", "nbviz-made"), { "aria-haspopup": "true" });
  const part = el("div", "nbviz-part", el("span", "nbviz-label", "made"), picture, empty.node);
  const large = largePart(model, life, send);
  const open = (wanted) => {
    root.classList.toggle("nbviz-opened", wanted);
    large.node.hidden = large.close.hidden = !wanted;
    (wanted ? large.close : picture).focus();
    if (!wanted && model.get("made").variant !== "channel") send("variant", { variant: "channel" });
  };
  life.listen(picture, "click", () => open(true));
  life.listen(large.close, "click", () => open(false));
  life.listen(large.node, "keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      open(false);
    }
  });
  life.watch("made made_picture", () => {
    const made = model.get("made"),
      there = Boolean(model.get("made_picture")?.byteLength),
      busy = made.state === "computing";
    part.hidden = !made.state;
    picture.hidden = !there;
    empty.node.hidden = there && !busy;
    empty.node.classList.toggle("nbviz-over", there);
    empty.say(busy ? made.progress : made.state === "failed" ? made.words : "", made.button || "");
    empty.node.title = made.state === "absent" ? made.words : "";
    set(picture, {
      "aria-label": `${made.words || ""}. Enlarge`,
      title: made.words ? `${made.words}. A click enlarges it.` : "",
    });
  });
  background(model, life, picture, "made_picture", "image/jpeg", "--picture");
  return { part, large: large.node, close: large.close };
}

/**
 * @param {Model<import("./channel_card.js").ChannelCardTraits>} model
 */
function largePart(model, life, send) {
  const picture = set(el("div", "nbviz-made-large"), { role: "img" }),
    words = el("p", "nbviz-caption");
  const close = set(button("close", "nbviz-link nbviz-close"), { title: "Back to the card (Esc)", hidden: true }),
    curve = el("div", "nbviz-rise"),
    segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What is made" });
  const filter = set(el("span", "nbviz-filter"), { role: "img", "aria-label": "Its filter" }),
    weights = el("div", "nbviz-weights", el("span", "nbviz-label", "its filter"), filter);
  const side = el("div", "nbviz-large-side", segment, curve, words, weights);
  const node = el("div", "nbviz-large", picture, side);
  node.hidden = true;
  segment.append(
    ...VARIANTS.map(([variant, text, title]) => {
      const choice = set(button(text, ""), { "data-variant": variant, title });
      choice.addEventListener("click", () => send("variant", { variant }));
      return choice;
    }),
  );
  life.watch("made", () => {
    const made = model.get("made"),
      busy = made.state === "computing";
    nodesIn(segment, "button").forEach((choice) =>
      set(choice, { "aria-pressed": String(choice.dataset.variant === (made.variant || "channel")) }),
    );
    words.textContent = busy ? made.progress : made.words || "";
    set(picture, { "aria-label": made.words || "" });
    picture.classList.toggle("nbviz-dimmed", busy && made.progress === "begins");
    curve.replaceChildren(...drawRise(made.rise || [], made.steps || 1));
  });
  life.watch("filter", () => {
    weights.hidden = !model.get("filter")?.byteLength;
  });
  background(model, life, picture, "made_picture", "image/jpeg", "--picture");
  background(model, life, filter, "filter", "image/png", "--picture");
  return { node, close };
}

/** The objective as it rose, one line per picture, with its first and last value. */
function drawRise(rows, steps) {
  const all = rows.flat();
  if (all.length < 2) return [];
  const low = Math.min(...all),
    high = Math.max(...all),
    { width, height } = CURVE;
  const at = (step, value) =>
    `${((width * step) / Math.max(1, steps - 1)).toFixed(1)},${(height - 2 - ((height - 4) * (value - low)) / (high - low || 1)).toFixed(1)}`;
  const space = "http://www.w3.org/2000/svg",
    svg = document.createElementNS(space, "svg");
  set(svg, {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": `mean activation from ${figure(rows[0][0])} to ${figure(rows[0].at(-1))}`,
  });
  for (const row of rows) {
    const line = document.createElementNS(space, "polyline");
    set(line, { points: row.map((value, step) => at(step, value)).join(" ") });
    svg.append(line);
  }
  return [
    el("span", "nbviz-label", "mean activation, step by step"),
    svg,
    el(
      "div",
      "nbviz-card-row nbviz-small nbviz-num",
      el("span", "", figure(rows[0][0])),
      el("span", "", figure(rows[0].at(-1))),
    ),
  ];
}

function figure(value) {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/**
 * Crops, each a button: pointed at or focused, it shows the whole picture with the place in it.
 * @param {Model<import("./channel_card.js").ChannelCardTraits>} model
 */
function foundPart(model, life) {
  const label = el("span", "nbviz-label"),
    crops = el("div", "nbviz-crops"),
    profile = el("p", "nbviz-caption nbviz-profile");
  const empty = blank(() => model.send({ event: "look" }));
  const whole = wholePicture(model, life);
  const part = el("div", "nbviz-part nbviz-part-found", label, crops, empty.node, profile, whole.tip);
  life.watch("found", () => {
    const found = model.get("found"),
      tiles = found.tiles || [];
    part.hidden = !found.state;
    label.textContent = found.label || "found";
    whole.hide();
    crops.replaceChildren(
      ...tiles.map(([words, , item], index) => {
        const node = crop(found, words, index, part, whole);
        node.addEventListener("click", () => model.send({ event: "open", item }));
        return node;
      }),
    );
    crops.hidden = !tiles.length;
    empty.node.hidden = found.state !== "absent" && found.state !== "nothing";
    empty.say(found.state === "nothing" ? "nothing drives it" : "", found.button || "");
    profile.textContent = found.profile || "";
    profile.title = found.more || "";
    profile.hidden = !found.profile;
  });
  background(model, life, crops, "crops", "image/jpeg", "--picture");
  return part;
}

function crop(found, words, index, part, whole) {
  const node = set(button("", "nbviz-crop"), {
    "aria-label": `${words}. Opens this picture`,
    title: `${words}. A click opens this picture.`,
  });
  Object.assign(node.style, squareStyle(found.sheet, index));
  for (const name of ["pointerenter", "focus"]) node.addEventListener(name, () => whole.show(found, index, node, part));
  for (const name of ["pointerleave", "blur"]) node.addEventListener(name, whole.hide);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || whole.tip.hidden) return;
    whole.hide();
    event.stopPropagation();
  });
  return node;
}

/**
 * The picture that a crop is part of, its place framed, above the crop.
 * @param {Model<import("./channel_card.js").ChannelCardTraits>} model
 */
function wholePicture(model, life) {
  const box = el("span", "nbviz-whole-box"),
    picture = el("div", "nbviz-whole-picture", box),
    said = el("div", "nbviz-small nbviz-num"),
    tip = el("div", "nbviz-tip nbviz-whole", picture, said);
  const show = (found, index, node, part) => {
    const [words, [left, top, wide, tall]] = found.tiles[index];
    Object.assign(picture.style, squareStyle(found.whole, index));
    Object.assign(box.style, {
      left: `${100 * left}%`,
      top: `${100 * top}%`,
      width: `${100 * wide}%`,
      height: `${100 * tall}%`,
    });
    said.textContent = words;
    tip.hidden = false;
    tip.style.left = `${Math.max(0, Math.min(node.offsetLeft, part.offsetWidth - tip.offsetWidth))}px`;
    tip.style.top = `${node.offsetTop - tip.offsetHeight - 6}px`;
  };
  const hide = () => {
    tip.hidden = true;
  };
  hide();
  background(model, life, picture, "wholes", "image/jpeg", "--picture");
  return { tip, show, hide };
}

/**
 * A square tile of a sheet, counted row by row, as a background.
 * @param {Squares} squares
 * @param {number} index
 */
function squareStyle({ side, ...sheet }, index) {
  const size = { ...sheet, tile_width: side, tile_height: side };
  return tileStyle(size, Math.floor(index / sheet.columns), index % sheet.columns);
}
