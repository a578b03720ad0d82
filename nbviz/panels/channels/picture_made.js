// This picture, made again by the layer: a line that opens into pictures and a slider over depth.
/**
 * Synced traits of `picture_made.PictureMadeFront`.
 * @typedef {Front & {
 *   shown: boolean,
 *   opened: boolean,
 *   pictures: DataView,
 *   tiles: [string, string][],
 *   sheet: { side: number, gap: number },
 *   progress: string,
 *   share: number,
 *   stops: string[],
 *   at: number,
 *   layer: string,
 * }} PictureMadeFrontTraits
 */

export default {
  /** @param {View<PictureMadeFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-picture-made");
    const toggle = button("", "nbviz-link"),
      fill = el("div"),
      line = el("div", "nbviz-progress", fill),
      row = el("div", "nbviz-remade");
    const slider = focusable(
      set(document.createElement("input"), {
        type: "range",
        min: 0,
        step: 1,
        class: "nbviz-slider",
        "aria-label": "Depth: the layer that makes the pictures",
      }),
    );
    const name = el("span", "nbviz-num"),
      how = el("span", "nbviz-num nbviz-right");
    const depth = el("label", "nbviz-depth nbviz-caption", "depth", slider, name, how),
      body = el("div", "", drawState(model, el("div"), life), row, line, depth);
    root.append(toggle, body);
    life.watch("shown", () => {
      root.hidden = !model.get("shown");
    });
    life.watch("opened", () => {
      const opened = model.get("opened");
      toggle.textContent = `this picture, made again by the layer ${opened ? "▾" : "▸"}`;
      toggle.title = "What the layer keeps of it, more of what it says of it, and what it dreams into it";
      set(toggle, { "aria-expanded": String(opened) });
      body.hidden = !opened;
    });
    life.watch("stops at layer", () => {
      slider.max = String(Math.max(0, model.get("stops").length - 1));
      slider.value = String(model.get("at"));
      slider.disabled = model.get("stops").length < 2;
      name.textContent = model.get("layer");
    });
    life.watch("progress share", () => {
      line.classList.toggle("busy", Boolean(model.get("progress")));
      fill.style.width = `${100 * model.get("share")}%`;
      how.textContent = model.get("progress");
    });
    const paint = (url) => row.replaceChildren(...remade(model.get("tiles"), model.get("sheet"), url));
    decoded(model, life, "pictures tiles sheet", paint, () => "image/jpeg");
    life.watch("state", () => row.classList.toggle("nbviz-dimmed", model.get("state") === "computing"));
    life.listen(toggle, "click", () => model.send({ event: "open", opened: !model.get("opened") }));
    life.listen(slider, "input", () => {
      name.textContent = model.get("stops")[slider.value];
    });
    life.listen(slider, "change", () => model.send({ event: "layer", at: Number(slider.value) }));
    return life.end;
  },
};

/** The pictures side by side, each with its name below. */
function remade(tiles, { side, gap }, url) {
  const sheet = { columns: tiles.length, rows: 1, tile_width: side, tile_height: side, gap };
  return tiles.map(([label, words], column) => {
    const picture = set(el("div", "nbviz-remade-picture"), { role: "img", "aria-label": words, title: words });
    Object.assign(picture.style, { backgroundImage: url ? `url(${url})` : "none" }, tileStyle(sheet, 0, column));
    return el("figure", "", picture, el("figcaption", "nbviz-label", label));
  });
}
