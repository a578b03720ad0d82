// A map of several side by side: drawn here from its values, so a scale is changed and a place is read out with no message.
export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pin");
    focusable(set(root, { role: "listitem", tabindex: -1, "data-kind": model.get("kind") }));
    const photo = set(el("img", "nbviz-pin-photo"), { alt: "" }),
      heat = el("canvas", "nbviz-pin-heat"),
      marker = el("div", "nbviz-marker");
    const picture = set(el("div", "nbviz-pin-picture", photo, heat, marker), { role: "img" });
    const title = el("div", "nbviz-pin-title"),
      note = el("div", "nbviz-note");
    const low = el("span"),
      high = el("span"),
      bar = el("img", "nbviz-pin-bar"),
      here = el("span", "nbviz-pin-here");
    const scale = el("div", "nbviz-pin-scale nbviz-small nbviz-note nbviz-num", low, bar, high, here);
    const lines = el("div", "nbviz-pin-lines nbviz-small nbviz-caption"),
      acts = set(el("div", "nbviz-pin-acts"), { role: "toolbar" });
    const minus = selectBox([], "Minus which map"),
      less = el("label", "nbviz-pin-minus nbviz-small nbviz-note", "minus", minus.box);
    const fill = el("div"),
      progress = el("div", "nbviz-progress", fill);
    root.append(
      el("div", "nbviz-pin-head", title, note),
      less,
      picture,
      progress,
      scale,
      lines,
      drawState(model, el("div"), life),
      acts,
    );

    // -- the map
    let url = "",
      url2 = "",
      values = null,
      place = null,
      pinned = false;
    life.after(() => {
      URL.revokeObjectURL(url);
      URL.revokeObjectURL(url2);
    });
    life.watch("picture", () => {
      url = bytesUrl(model.get("picture"), url, "image/jpeg");
      photo.src = url;
      photo.hidden = !url;
    });
    life.watch("bar", () => {
      url2 = bytesUrl(model.get("bar"), url2);
      bar.src = url2;
    });
    life.watch("size", () => {
      const [rows, columns] = model.get("size");
      picture.style.setProperty("--aspect", columns / Math.max(1, rows));
    });
    life.watch("values peak grid", () => {
      values = decoded(model);
    });
    life.watch("values peak grid low high smooth colours", () => {
      heat.hidden = !values;
      if (values) drawHeat(heat, values, model);
      read();
    });
    life.watch("ends", () => {
      const [first, last, meaning] = model.get("ends");
      low.textContent = first;
      high.textContent = last;
      bar.alt = meaning;
      scale.title = meaning;
      scale.style.visibility = last ? "visible" : "hidden";
    });

    life.watch("shown", () => {
      const comes = root.hidden && model.get("shown");
      root.hidden = !model.get("shown");
      if (comes) root.scrollIntoView({ block: "nearest" });
    });

    // -- words
    life.watch("title note", () => {
      title.textContent = model.get("title");
      note.textContent = model.get("note");
      title.title = [model.get("title"), model.get("note")].filter(Boolean).join(" · ");
    });
    life.watch("title note caption", () => {
      set(root, { "aria-label": [model.get("title"), model.get("note")].filter(Boolean).join(", ") });
      set(picture, { "aria-label": model.get("caption") });
      set(acts, { "aria-label": model.get("title") });
    });
    life.watch("lines state", () => {
      const busy = ["computing", "partial"].includes(model.get("state")),
        kind = model.get("kind");
      const rows = model.get("lines").map((parts) => runs(el("div"), parts));
      rows.forEach((row) => {
        row.title = row.textContent;
      });
      if (busy && kind === "pin" && rows.length)
        rows.at(-1).append(rows.at(-1).textContent ? " · " : "", act("cancel", "Cancel"));
      lines.replaceChildren(...rows);
      root.classList.toggle("nbviz-waiting", model.get("state") === "computing");
      progress.classList.toggle("busy", busy);
    });
    life.watch("done", () => {
      fill.style.width = `${100 * model.get("done")}%`;
    });
    const WORDS = {
      show: ["show", "Brings this map back to the canvas (Enter)"],
      difference: ["difference", "This map minus another, place by place (d)"],
      unpin: [model.get("kind") === "difference" ? "close" : "unpin", "Takes the card away (Delete)"],
    };
    life.watch("acts different", () =>
      acts.replaceChildren(
        ...model.get("acts").map((name) => {
          const made = act(name, WORDS[name][0]);
          made.title = WORDS[name][1];
          return name === "difference" ? set(made, { "aria-pressed": String(model.get("different")) }) : made;
        }),
      ),
    );
    life.watch("others other", () => {
      less.hidden = model.get("kind") !== "difference";
      fillSelect(minus.select, model.get("others"));
      minus.select.value = model.get("other");
    });
    life.listen(minus.select, "change", () => model.send({ event: "against", name: minus.select.value }));
    function act(event, words) {
      const made = button(words, "nbviz-link");
      made.dataset.act = event;
      made.addEventListener("click", () => model.send({ event }));
      return made;
    }

    // -- the place, the same in all pictures of the frame
    const tell = linked(root, life, (told) => {
      if (told.kind === "place") {
        ({ place, pinned } = told);
        read();
      }
    });
    function read() {
      marker.hidden = !place;
      marker.classList.toggle("pinned", pinned);
      here.textContent = place && values ? figure(valueAt(values, model, place)) : "";
      if (place) set(marker, { style: `left:${100 * place[1]}%;top:${100 * place[0]}%` });
      if (model.get("kind") === "live" && place && values) {
        const [rows, columns] = model.get("size"),
          at = [place[0] * rows, place[1] * columns].map(Math.floor);
        tell({ kind: "value", text: `row ${at[0]}, column ${at[1]} · ${here.textContent}` });
      }
    }
    const point = (to) => {
      if (!pinned) {
        place = to;
        read();
        tell({ kind: "place", place, pinned });
      }
    };
    life.listen(picture, "pointermove", (event) => point(placeAt(picture, event)));
    life.listen(picture, "pointerleave", () => point(null));
    life.listen(picture, "click", (event) => tell({ kind: "press", place: placeAt(picture, event) }));

    // -- the keyboard: arrows from card to card, one of them in the order of Tab
    const cards = () =>
      [...(root.closest(".nbviz-pins")?.querySelectorAll(".nbviz-pin") ?? [])].filter((one) => one.offsetParent);
    const reach = (card) => {
      cards().forEach((one) => set(one, { tabindex: one === card ? 0 : -1 }));
      card?.focus();
    };
    whenAttached(root, life, () => {
      const list = root.closest(".nbviz-pins");
      if (list) set(list, { role: "list", "aria-label": "Maps side by side" });
      if (!list?.querySelector('.nbviz-pin[tabindex="0"]')) set(root, { tabindex: 0 });
    });
    life.listen(root, "focusin", () => cards().forEach((one) => set(one, { tabindex: one === root ? 0 : -1 })));
    // Cards behind one that goes are drawn anew: the focus is given to what then stands in its place.
    const refocus = (place, list = root.closest(".nbviz-pins")) => {
      const again = (tries) =>
        setTimeout(() => {
          const left = [...list.querySelectorAll('.nbviz-pin[data-kind="pin"]')];
          if (!root.isConnected && document.activeElement?.contains(list))
            left[Math.min(place, left.length - 1)]?.focus();
          if (tries) again(tries - 1);
        }, 60);
      if (list && place >= 0) again(20);
    };
    const KEYS = { Enter: "show", d: "difference", Delete: "unpin", Backspace: "unpin" };
    life.listen(root, "keydown", (event) => {
      if (event.target !== root || event.ctrlKey || event.metaKey || event.altKey) return;
      const all = cards(),
        at = all.indexOf(root);
      const steps = {
        ArrowRight: at + 1,
        ArrowDown: at + 1,
        ArrowLeft: at - 1,
        ArrowUp: at - 1,
        Home: 0,
        End: all.length - 1,
      };
      if (event.key in steps) {
        if (all[steps[event.key]]) reach(all[steps[event.key]]);
      } else if (model.get("acts").includes(KEYS[event.key])) {
        if (KEYS[event.key] === "unpin") refocus(all.filter((one) => one.dataset.kind === "pin").indexOf(root));
        model.send({ event: KEYS[event.key] });
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return life.end;
  },
};

/** The values of a map as whole numbers, or null where there are none. */
function decoded(model) {
  const bytes = model.get("values");
  if (!bytes?.byteLength) return null;
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

const STEPS = 32767,
  BAD = -32768;

/** The value at [row, column], fractions: of that place, or interpolated between places as torch does it. */
function valueAt(values, model, [row, column]) {
  const [rows, columns] = model.get("grid"),
    peak = model.get("peak") / STEPS;
  const at = (r, c) => {
    const code = values[r * columns + c];
    return code === BAD ? NaN : code * peak;
  };
  if (!model.get("smooth"))
    return at(Math.min(rows - 1, Math.floor(row * rows)), Math.min(columns - 1, Math.floor(column * columns)));
  const [top, bottom, down] = between(row, rows),
    [left, right, across] = between(column, columns);
  const mix = (r) => at(r, left) * (1 - across) + at(r, right) * across;
  return mix(top) * (1 - down) + mix(bottom) * down;
}

function between(part, count) {
  const at = Math.min(count - 1, Math.max(0, part * count - 0.5)),
    first = Math.floor(at);
  return [first, Math.min(count - 1, first + 1), at - first];
}

/** Paint a map: its own places as pixels, an interpolated one at the picture's size. */
function drawHeat(canvas, values, model) {
  const size = model.get("size"),
    share = Math.min(1, 256 / Math.max(...size));
  const [rows, columns] = model.get("smooth")
    ? size.map((side) => Math.max(1, Math.round(side * share)))
    : model.get("grid");
  const low = model.get("low"),
    high = model.get("high"),
    span = high - low;
  const bytes = model.get("colours"),
    table = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const pixels = new Uint32Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, i += 1) {
      const value = valueAt(values, model, [(row + 0.5) / rows, (column + 0.5) / columns]);
      const part = span > 0 ? Math.min(1, Math.max(0, (value - low) / span)) : low < 0 ? 0.5 : 0;
      pixels[i] = table[Number.isNaN(value) ? 254 : Math.round(part * 252)];
    }
  }
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), columns, rows), 0, 0);
}

/** A number as short as it can be read, as everywhere in the frame. */
function figure(value) {
  if (Number.isNaN(value)) return "not a number";
  const size = Math.abs(value),
    sign = value < 0 ? "−" : "";
  if (size > 0 && size < 0.0005) return sign + size.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
  const digits = size >= 1000 || !size ? 0 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
  return sign + size.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
