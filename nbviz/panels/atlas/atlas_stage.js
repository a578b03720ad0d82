// The atlas: a map drawn on one canvas from one sprite, its controls, and the cell that is open.
/**
 * Synced traits of `atlas_stage.AtlasFront`.
 * @typedef {Front & {
 *   about: string,
 *   empty: string,
 *   offer: string[],
 *   side: number,
 *   cells: [number, number, number, string][],
 *   classes: string[],
 *   sprite: DataView,
 *   sheet: { tile: number, across: number, kind: string, ready?: number },
 *   look: string,
 *   looks: Choice[],
 *   here: [number, number][],
 *   marked: number | null,
 *   chosen: number | null,
 *   caption: Runs,
 *   note: string,
 *   progress: string,
 *   done: number,
 *   opened: { heading?: Runs, labels?: string[], tips?: string[], count?: number },
 *   strip: DataView,
 *   made: DataView,
 * }} AtlasFrontTraits
 */

export default {
  /** @param {View<AtlasFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-atlas-stage");
    const note = el("span", "nbviz-note");
    const empty = el("p", "nbviz-caption nbviz-atlas-empty");
    const plane = focusable(
      set(el("canvas", "nbviz-atlas-map"), { tabindex: 0, role: "application", "aria-roledescription": "map" }),
    );
    const tip = el("div", "nbviz-tip");
    tip.hidden = true;
    const said = set(el("span", "nbviz-said"), { role: "status", "aria-live": "polite" });
    const map = atlasMap(model, life, plane);
    const frame = el("div", "nbviz-atlas-frame", plane, tip, zoomButtons(life, map));
    const { segment, bar, progress } = mapBar(model, life);
    root.append(
      el("div", "nbviz-head", el("span", "nbviz-title", "Atlas"), note),
      bar,
      progress,
      drawState(model, el("div"), life),
      empty,
      frame,
      said,
      openedCell(model, life),
      ...mapWords(model, life, plane),
    );
    const choose = (cell) => {
      map.choose(cell);
      said.textContent = cell === null ? "No cell is open" : map.words(cell);
      model.send({ event: "cell", cell });
    };
    life.watch("about", () => {
      note.textContent = model.get("about");
      note.title = note.textContent;
    });
    life.watch("side empty state", () => {
      const none = !model.get("side");
      frame.hidden = segment.hidden = none;
      empty.hidden = !none || !QUIET.has(model.get("state"));
      empty.textContent = model.get("empty");
    });
    mapPointer(life, plane, tip, map, choose);
    mapKeys(life, plane, map, choose);
    return life.end;
  },
};

/**
 * What the cells show, the button that maps, and how far the map is.
 * @param {Model<AtlasFrontTraits>} model
 */
function mapBar(model, life) {
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the cells show" });
  const offer = button(""),
    cancel = button("Cancel"),
    progress = el("span", "nbviz-caption nbviz-num nbviz-atlas-progress"),
    share = el("span"),
    line = el("div", "nbviz-atlas-bar", share);
  life.watch("looks look side", () =>
    fillSegment(segment, model.get("looks"), model.get("look"), (look) => model.send({ event: "look", look })),
  );
  life.watch("offer", () => {
    const [text, title] = model.get("offer");
    offer.hidden = !text;
    offer.textContent = text || "";
    offer.title = title || "";
  });
  life.listen(offer, "click", () => model.send({ event: "map" }));
  life.listen(cancel, "click", () => model.send({ event: "cancel" }));
  life.watch("progress done state", () => {
    const mapping = model.get("done") < 1 && busy(model);
    progress.textContent = mapping ? model.get("progress") : "";
    cancel.hidden = !mapping || !model.get("progress");
    line.hidden = !mapping;
    share.style.width = `${100 * model.get("done")}%`;
  });
  return { segment, bar: el("div", "nbviz-bar", segment, offer, cancel, progress), progress: line };
}

function zoomButtons(life, map) {
  const zooms = el("span", "nbviz-segment");
  [
    ["+", "Closer (+)", () => map.zoom(1.5)],
    ["−", "Further (−)", () => map.zoom(1 / 1.5)],
    ["⤢", "The whole map (0)", map.whole],
  ].forEach(([text, title, act]) => {
    const node = set(button(text, ""), { title, "aria-label": title });
    life.listen(node, "click", act);
    zooms.append(node);
  });
  return zooms;
}

/**
 * The map's own words. The opened cell takes their place, so that both are seen together.
 * @param {Model<AtlasFrontTraits>} model
 */
function mapWords(model, life, plane) {
  const caption = el("p", "nbviz-caption nbviz-atlas-caption"),
    further = el("p", "nbviz-caption nbviz-small nbviz-atlas-caption");
  life.watch("caption note side", () => {
    runs(caption, model.get("caption"));
    set(plane, { "aria-label": `${caption.textContent} Arrow keys go from cell to cell, plus and minus zoom.` });
    further.textContent = model.get("note");
  });
  life.watch("opened note side", () => {
    const opened = Boolean(model.get("opened").heading);
    caption.hidden = opened;
    further.hidden = opened || !model.get("note");
  });
  return [caption, further];
}

/**
 * The opened cell: its pictures side by side, and one made for it.
 * @param {Model<AtlasFrontTraits>} model
 */
function openedCell(model, life) {
  const title = el("span", "nbviz-title", "Cell"),
    heading = el("span", "nbviz-note"),
    labels = el("span", "nbviz-label nbviz-num");
  const made = set(el("img", "nbviz-atlas-made"), { alt: "Picture made for what sets the cell apart" }),
    strip = el("div", "nbviz-atlas-strip");
  const node = el(
    "div",
    "nbviz-atlas-cell",
    el("div", "nbviz-head", title, heading),
    el(
      "div",
      "nbviz-atlas-row",
      el("div", "nbviz-atlas-one", el("span", "nbviz-label", "made"), made),
      el("div", "nbviz-atlas-found", labels, strip),
    ),
  );
  let url = "",
    picture = "";
  life.after(() => {
    URL.revokeObjectURL(url);
    URL.revokeObjectURL(picture);
  });
  life.watch("opened strip", () => {
    const { heading: about, labels: names, tips, count } = model.get("opened");
    node.hidden = !about;
    if (!about) return;
    runs(heading, about);
    heading.title = heading.textContent;
    labels.textContent = names.length ? `found: ${names.join(", ")}` : "found, most typical first";
    labels.title = labels.textContent;
    url = bytesUrl(model.get("strip"), url);
    strip.replaceChildren(
      ...Array.from({ length: count }, (_, i) => {
        const words = `${tips[i]}. A click opens this picture.`,
          tile = set(button("", "nbviz-atlas-patch"), { "aria-label": words, title: words });
        tile.addEventListener("click", () => model.send({ event: "open", at: i }));
        tile.style.backgroundImage = `url(${url})`;
        tile.style.backgroundSize = `${100 * count}% 100%`;
        tile.style.backgroundPosition = `${count > 1 ? (100 * i) / (count - 1) : 0}% 0`;
        return tile;
      }),
    );
  });
  life.watch("made", () => {
    picture = bytesUrl(model.get("made"), picture);
    made.parentElement.hidden = !picture;
    if (picture) made.src = picture;
  });
  return node;
}

/** Names the cell under the pointer; drags; zooms where a modifier is held, so that the page still scrolls. */
function mapPointer(life, plane, tip, map, choose) {
  let from = null,
    moved = false;
  const at = (event) => {
    const box = plane.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, box];
  };
  life.listen(plane, "pointerdown", (event) => {
    from = at(event);
    moved = false;
    plane.setPointerCapture(event.pointerId);
    tip.hidden = true;
  });
  life.listen(plane, "pointermove", (event) => {
    const [x, y, box] = at(event);
    if (from) {
      if (!moved && Math.hypot(x - from[0], y - from[1]) < 4) return;
      moved = true;
      map.pan(x - from[0], y - from[1]);
      from = [x, y];
      return;
    }
    const cell = map.at(x, y);
    map.hover(cell);
    tip.hidden = cell === null;
    if (cell === null) return;
    tip.textContent = map.words(cell);
    tip.style.left = `${Math.min(x + 12, Math.max(0, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > box.height ? y - tip.offsetHeight - 8 : y + 18}px`;
  });
  life.listen(plane, "pointerup", (event) => {
    const [x, y] = at(event);
    if (from && !moved) {
      const cell = map.at(x, y);
      choose(cell === map.chosen() ? null : cell);
    }
    from = null;
  });
  life.listen(plane, "pointercancel", () => {
    from = null;
  });
  life.listen(plane, "pointerleave", () => {
    tip.hidden = true;
    map.hover(null);
  });
  life.listen(
    plane,
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const [x, y] = at(event);
      map.zoom(Math.exp(-event.deltaY / 300), x, y);
    },
    { passive: false },
  );
}

function mapKeys(life, plane, map, choose) {
  const go = (down, right) => {
    const cell = map.next(down, right);
    if (cell === null) return;
    choose(cell);
    map.reveal(cell);
  };
  listenKeys(life, plane, {
    ArrowLeft: () => go(0, -1),
    ArrowRight: () => go(0, 1),
    ArrowUp: () => go(-1, 0),
    ArrowDown: () => go(1, 0),
    "+": () => map.zoom(1.5),
    "=": () => map.zoom(1.5),
    "-": () => map.zoom(1 / 1.5),
    0: () => map.whole(),
    Escape: () => map.chosen() !== null && choose(null),
  });
}
