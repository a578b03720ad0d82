/**
 * Synced traits of `pointer.PointerFront`.
 * @typedef {Front & {
 *   rows: number,
 *   columns: number,
 *   place: Place | null,
 *   tip: string,
 *   top: number[],
 *   caption: string,
 *   choosing: boolean,
 *   outlines: [number, number, number, number, string, string][],
 *   lines: DataView,
 *   photo: DataView,
 * }} PointerFrontTraits
 */

export default {
  /** @param {View<PointerFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pointer");
    focusable(set(root, { tabindex: 0, role: "application", "aria-roledescription": "picture" }));
    const id = uid("place"),
      marker = el("div", "nbviz-marker"),
      tip = el("div", "nbviz-tip");
    set(tip, { id, role: "status" });
    set(root, { "aria-describedby": id });
    root.append(photograph(model, life, root), borders(model, life), outlines(model, life), marker, tip);
    const choose = (channel) => model.send({ event: "channel", channel });
    pointed(model, life, root, (place, words, pinned, top) =>
      drawPlace(marker, tip, place, channelLinks(words, top, choose), pinned),
    );
    // The canvases below are pictures only: the keyboard's way in is this layer.
    whenAttached(root, life, () =>
      root.parentElement.querySelectorAll("canvas").forEach((one) => set(one, { tabindex: -1, "aria-hidden": "true" })),
    );
    life.watch("caption", () => set(root, { "aria-label": model.get("caption") }));
    life.watch("rows columns", () =>
      whenAttached(root, life, () => {
        const aspect = model.get("columns") / Math.max(1, model.get("rows"));
        const stack = /** @type {HTMLElement | null} */ (root.closest(".nbviz-stack"));
        stack?.style.setProperty("--nbviz-aspect", String(aspect));
      }),
    );
    return life.end;
  },
};

/**
 * Borders over the whole picture, as one picture of lines.
 * @param {Model<PointerFrontTraits>} model
 */
function borders(model, life) {
  const lines = set(el("img", "nbviz-lines"), { alt: "" });
  let url = "";
  life.after(() => bytesUrl(null, url));
  life.watch("lines", () => {
    url = bytesUrl(model.get("lines"), url);
    lines.hidden = !url;
    if (url) lines.src = url;
  });
  return lines;
}

/**
 * @param {Model<PointerFrontTraits>} model
 */
function outlines(model, life) {
  const boxes = set(el("div", "nbviz-outlines"), { "aria-hidden": "true" });
  life.watch("outlines", () =>
    boxes.replaceChildren(
      ...model.get("outlines").map(([top, left, bottom, right, kind, text]) => {
        const box = el("div", `nbviz-outline ${kind}`, text ? el("span", "", text) : "");
        return set(box, {
          style: `left:${100 * left}%;top:${100 * top}%;width:${100 * (right - left)}%;height:${100 * (bottom - top)}%`,
        });
      }),
    ),
  );
  return boxes;
}

/** The words of a place with the channels they end in as links that choose them; only a pinned place's can be reached. */
function channelLinks(words, top, choose) {
  const named = top.join(", ");
  if (!named || !words.endsWith(named)) return [words];
  const links = top.map((channel) => {
    const link = set(button(String(channel), "nbviz-link"), { title: `Choose channel ${channel}` });
    link.addEventListener("click", (event) => {
      event.stopPropagation(); // under it lies the picture, where a click lets the place go
      choose(channel);
    });
    return link;
  });
  return [words.slice(0, -named.length), ...links.flatMap((link, at) => (at ? [", ", link] : [link]))];
}

/** The marker at a place, and what is said of it beside it, away from the picture's edges. */
function drawPlace(marker, tip, place, words, pinned) {
  marker.hidden = !place;
  marker.classList.toggle("pinned", pinned);
  tip.classList.toggle("nbviz-pinned-tip", pinned);
  tip.hidden = !place || words.join("") === "";
  tip.replaceChildren(...words);
  if (!place) return;
  const [row, column] = place,
    left = column > 0.5,
    up = row > 0.7,
    from = 100 * (left ? 1 - column : column);
  set(marker, { style: `left:${100 * column}%;top:${100 * row}%` });
  set(tip, {
    style:
      `${left ? "right" : "left"}:calc(${from}% + 10px);max-width:calc(${100 - from}% - 10px);` +
      `${up ? "bottom" : "top"}:calc(${100 * (up ? 1 - row : row)}% + 6px)`,
  });
}

/**
 * What is pointed at and pinned, by pointer, keys and the other pictures of the frame; `draw(place, words, pinned, channels)`.
 * @param {Model<PointerFrontTraits>} model
 */
function pointed(model, life, root, draw) {
  // `here` is where this view points; null when it doesn't, and the pinned place stands, or `there`: where another
  // picture of the frame is pointed at, and what the map says at that place.
  const at = { here: null, pinned: false, there: null, value: "" };
  const place = () => at.here || model.get("place");
  const redraw = () => {
    const other = place() ? null : at.there;
    at.pinned = Boolean(model.get("place"));
    draw(other || place(), other ? at.value : model.get("tip"), at.pinned && !at.here, other ? [] : model.get("top"));
  };
  const paint = () => {
    redraw();
    tell({ kind: "place", place: place(), pinned: at.pinned });
  };
  const send = (pin, choose = false) => model.send({ event: "point", place: at.here, pin, choose });
  const say = throttle(() => send(null), 80);
  const move = (to) => {
    at.here = to;
    paint();
    say();
  };
  // A press on another picture of the frame pins and releases, but chooses nothing here.
  const press = (to, away = false) => {
    const from = model.get("place");
    const near = from && Math.hypot(to[0] - from[0], to[1] - from[1]) < 0.03;
    const pin = model.get("choosing") && !away ? !near : !at.pinned;
    at.here = away && !pin ? null : to;
    send(pin, pin && !away);
    at.pinned = pin;
    if (pin) at.here = null;
    paint();
  };
  const tell = linked(root, life, (told) => {
    if (told.kind === "press") press(told.place, true);
    else if (told.kind === "ask") tell({ kind: "place", place: place(), pinned: at.pinned });
    else {
      if (told.kind === "value") at.value = told.text;
      else [at.there, at.value] = [told.place, ""];
      redraw();
    }
  });
  const leave = () => at.here && !at.pinned && move(null);
  life.listen(root, "pointermove", (event) => !at.pinned && move(placeAt(root, event)));
  life.listen(root, "pointerleave", leave);
  life.listen(root, "blur", leave);
  const { dragged, keys } = zooming(life, root, place);
  life.listen(root, "click", (event) => !dragged() && press(placeAt(root, event)));
  life.listen(root, "keydown", placeKeys(model, at, { place, paint, send, say }));
  listenKeys(life, root, keys);
  life.watch("place", paint);
  life.watch("tip top", redraw);
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Arrows move, Enter pins and releases, Escape lets go, p keeps the map. */
function placeKeys(model, at, { place, paint, send, say }) {
  return (event) => {
    if (event.key in STEPS) {
      at.here = placeBeside(
        place() || [0.5, 0.5],
        STEPS[event.key],
        [model.get("rows"), model.get("columns")],
        event.shiftKey,
      );
      if (at.pinned) send(true);
      else say();
      if (at.pinned) at.here = null;
      paint();
    } else if (event.key === "Enter") {
      at.here = place() || [0.5, 0.5];
      send(!at.pinned, !at.pinned);
    } else if (event.key === "Escape") {
      at.here = null;
      model.send({ event: "escape" });
    } else if (event.key === "p" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      model.send({ event: "pin" });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

/** The middle of a pixel beside a place: a 56th of the picture further, or one pixel where it is fine. */
function placeBeside(place, steps, size, fine) {
  return place.map((part, axis) => {
    const step = fine ? 1 : Math.max(1, Math.round(size[axis] / 56));
    const pixel = Math.floor(part * size[axis]) + steps[axis] * step;
    return (Math.min(size[axis] - 1, Math.max(0, pixel)) + 0.5) / size[axis];
  });
}
