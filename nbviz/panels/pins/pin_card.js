// A map of several side by side: drawn here from its values, so a scale is changed and a place is read out with no message.
/**
 * Synced traits of `pin_card.PinFront`.
 * @typedef {Front & {
 *   kind: "pin" | "live" | "difference",
 *   shown: boolean,
 *   title: string,
 *   note: string,
 *   values: DataView,
 *   peak: number,
 *   grid: [number, number],
 *   size: [number, number],
 *   low: number,
 *   high: number,
 *   smooth: boolean,
 *   colours: DataView,
 *   bar: DataView,
 *   ends: string[],
 *   picture: DataView,
 *   lines: Runs[],
 *   caption: string,
 *   done: number,
 *   acts: string[],
 *   different: boolean,
 *   others: Option[],
 *   other: string,
 * }} PinFrontTraits
 */

export default {
  /** @param {View<PinFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pin");
    focusable(set(root, { role: "listitem", tabindex: -1, "data-kind": model.get("kind") }));
    const acts = actButtons(model, life),
      { picture, scale } = pinMap(model, life, root);
    root.append(
      pinTitle(model, life, root, picture, acts),
      minusChoice(model, life),
      picture,
      pinProgress(model, life, root),
      scale,
      pinLines(model, life),
      drawState(model, el("div"), life),
      acts,
    );
    life.watch("shown", () => {
      const comes = root.hidden && model.get("shown");
      root.hidden = !model.get("shown");
      if (comes) root.scrollIntoView({ block: "nearest" });
    });
    cardKeys(model, life, root);
    return life.end;
  },
};

/**
 * @param {Model<PinFrontTraits>} model
 */
function pinTitle(model, life, root, picture, acts) {
  const title = el("div", "nbviz-pin-title"),
    note = el("div", "nbviz-note");
  life.watch("title note caption", () => {
    const names = [model.get("title"), model.get("note")];
    [title.textContent, note.textContent] = names;
    title.title = names.filter(Boolean).join(" · ");
    set(root, { "aria-label": names.filter(Boolean).join(", ") });
    set(picture, { "aria-label": model.get("caption") });
    set(acts, { "aria-label": model.get("title") });
  });
  return el("div", "nbviz-pin-head", title, note);
}

/**
 * The map that a difference is taken against.
 * @param {Model<PinFrontTraits>} model
 */
function minusChoice(model, life) {
  const minus = selectBox([], "Minus which map"),
    label = el("label", "nbviz-pin-minus nbviz-small nbviz-note", "minus", minus.box);
  life.watch("others other", () => {
    label.hidden = model.get("kind") !== "difference";
    fillSelect(minus.select, model.get("others"));
    minus.select.value = model.get("other");
  });
  life.listen(minus.select, "change", () => model.send({ event: "against", name: minus.select.value }));
  return label;
}

/**
 * @param {Model<PinFrontTraits>} model
 */
function pinProgress(model, life, root) {
  const fill = el("div"),
    progress = el("div", "nbviz-progress", fill);
  life.watch("done state", () => {
    fill.style.width = `${100 * model.get("done")}%`;
    progress.classList.toggle("busy", busy(model));
    root.classList.toggle("nbviz-waiting", model.get("state") === "computing");
  });
  return progress;
}

/**
 * Facts of the map, or how far it is and a way to stop.
 * @param {Model<PinFrontTraits>} model
 */
function pinLines(model, life) {
  const lines = el("div", "nbviz-pin-lines nbviz-small nbviz-caption");
  life.watch("lines state", () => {
    const rows = model.get("lines").map((parts) => runs(el("div"), parts));
    rows.forEach((row) => {
      row.title = row.textContent;
    });
    const last = rows.at(-1);
    if (last && busy(model) && model.get("kind") === "pin")
      last.append(last.textContent ? " · " : "", act(model, "cancel", "Cancel"));
    lines.replaceChildren(...rows);
  });
  return lines;
}

/**
 * @param {Model<PinFrontTraits>} model
 */
function act(model, event, words, title = "") {
  const node = button(words, "nbviz-link");
  node.dataset.act = event;
  node.title = title;
  node.addEventListener("click", () => model.send({ event }));
  return node;
}

/**
 * @param {Model<PinFrontTraits>} model
 */
function actButtons(model, life) {
  const acts = set(el("div", "nbviz-pin-acts"), { role: "toolbar" });
  const words = {
    show: ["show", "Brings this map back to the canvas (Enter)"],
    difference: ["difference", "This map minus another, place by place (d)"],
    unpin: [model.get("kind") === "difference" ? "close" : "unpin", "Takes the card away (Delete)"],
  };
  life.watch("acts different", () =>
    acts.replaceChildren(
      ...model.get("acts").map((name) => {
        const [text, title] = words[name],
          node = act(model, name, text, title);
        return name === "difference" ? set(node, { "aria-pressed": String(model.get("different")) }) : node;
      }),
    ),
  );
  return acts;
}

/**
 * The map over its picture, the marker, and the scale below.
 * @param {Model<PinFrontTraits>} model
 */
function pinMap(model, life, root) {
  const photo = set(el("img", "nbviz-pin-photo"), { alt: "" }),
    heat = el("canvas", "nbviz-pin-heat"),
    marker = el("div", "nbviz-marker"),
    picture = set(el("div", "nbviz-pin-picture", photo, heat, marker), { role: "img" }),
    here = el("span", "nbviz-pin-here");
  let url = "",
    values = null;
  life.after(() => URL.revokeObjectURL(url));
  life.watch("picture", () => {
    url = bytesUrl(model.get("picture"), url, "image/jpeg");
    photo.src = url;
    photo.hidden = !url;
  });
  life.watch("size", () => {
    const [rows, columns] = model.get("size");
    picture.style.setProperty("--aspect", String(columns / Math.max(1, rows)));
  });
  const read = readOut(model, life, root, picture, marker, here, () => values);
  life.watch("values peak grid low high smooth colours", () => {
    values = mapValues(model);
    heat.hidden = !values;
    if (values) drawHeat(heat, values, model);
    read();
  });
  return { picture, scale: pinScale(model, life, here) };
}

/**
 * The colour bar between its ends, and the value at the place pointed at.
 * @param {Model<PinFrontTraits>} model
 */
function pinScale(model, life, here) {
  const low = el("span"),
    high = el("span"),
    bar = el("img", "nbviz-pin-bar"),
    scale = el("div", "nbviz-pin-scale nbviz-small nbviz-note nbviz-num", low, bar, high, here);
  let url = "";
  life.after(() => URL.revokeObjectURL(url));
  life.watch("bar", () => {
    url = bytesUrl(model.get("bar"), url);
    bar.src = url;
  });
  life.watch("ends", () => {
    const [first, last, meaning] = model.get("ends");
    low.textContent = first;
    high.textContent = last;
    bar.alt = scale.title = meaning;
    scale.style.visibility = last ? "visible" : "hidden";
  });
  return scale;
}

/**
 * The place, the same in all pictures of the frame, and what the map says there; call the result when the map changed.
 * @param {Model<PinFrontTraits>} model
 */
function readOut(model, life, root, picture, marker, here, values) {
  let place = null,
    pinned = false;
  const read = () => {
    marker.hidden = !place;
    marker.classList.toggle("pinned", pinned);
    here.textContent = place && values() ? figure(valueAt(values(), model, place)) : "";
    if (!place) return;
    set(marker, { style: `left:${100 * place[1]}%;top:${100 * place[0]}%` });
    if (model.get("kind") === "live" && values()) {
      const [row, column] = model.get("size").map((side, axis) => Math.floor(place[axis] * side));
      tell({ kind: "value", text: `row ${row}, column ${column} · ${here.textContent}` });
    }
  };
  const tell = linked(root, life, (told) => {
    if (told.kind !== "place") return;
    ({ place, pinned } = told);
    read();
  });
  const point = (to) => {
    if (pinned) return;
    place = to;
    read();
    tell({ kind: "place", place, pinned });
  };
  life.listen(picture, "pointermove", (event) => point(placeAt(picture, event)));
  life.listen(picture, "pointerleave", () => point(null));
  life.listen(picture, "click", (event) => tell({ kind: "press", place: placeAt(picture, event) }));
  return read;
}

/**
 * The keyboard: arrows from card to card, one of them in the order of Tab.
 * @param {Model<PinFrontTraits>} model
 */
function cardKeys(model, life, root) {
  const cards = () =>
    [...(root.closest(".nbviz-pins")?.querySelectorAll(".nbviz-pin") ?? [])].filter((one) => one.offsetParent);
  const tabTo = (card) => cards().forEach((one) => set(one, { tabindex: one === card ? 0 : -1 }));
  whenAttached(root, life, () => {
    const list = root.closest(".nbviz-pins");
    if (list) set(list, { role: "list", "aria-label": "Maps side by side" });
    if (!list?.querySelector('.nbviz-pin[tabindex="0"]')) set(root, { tabindex: 0 });
  });
  life.listen(root, "focusin", () => tabTo(root));
  const steps = {
    ArrowRight: (at) => at + 1,
    ArrowDown: (at) => at + 1,
    ArrowLeft: (at) => at - 1,
    ArrowUp: (at) => at - 1,
    Home: () => 0,
    End: (_at, last) => last,
  };
  const keys = { Enter: "show", d: "difference", Delete: "unpin", Backspace: "unpin" };
  life.listen(root, "keydown", (event) => {
    if (event.target !== root || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = cards();
    if (event.key in steps) {
      const next = all[steps[event.key](all.indexOf(root), all.length - 1)];
      if (next) tabTo(next);
      next?.focus();
    } else if (model.get("acts").includes(keys[event.key])) {
      if (keys[event.key] === "unpin") refocus(root, all.filter((one) => one.dataset.kind === "pin").indexOf(root));
      model.send({ event: keys[event.key] });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Cards behind one that goes are drawn anew: the focus is given to what then stands in its place. */
function refocus(root, place) {
  const list = root.closest(".nbviz-pins");
  const again = (tries) =>
    setTimeout(() => {
      const left = [...list.querySelectorAll('.nbviz-pin[data-kind="pin"]')];
      if (!root.isConnected && document.activeElement?.contains(list)) left[Math.min(place, left.length - 1)]?.focus();
      if (tries) again(tries - 1);
    }, 60);
  if (list && place >= 0) again(20);
}
