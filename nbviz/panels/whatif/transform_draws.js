// Draws of a random transform: tiles of one sheet, as pictures or with their maps; a click puts a draw on.

/** @typedef {Front & {source: string, sheets: DataView[], tile: Record<string, any>, draws: any[], chosen: number}} DrawsTraits */

/**
 * The tiles, a switch between pictures and maps, and what was drawn below each.
 * @param {Model<DrawsTraits>} model
 * @param {Life} life
 */
function drawTiles(model, life) {
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the tiles show" });
  const tiles = set(el("div", "nbviz-draws"), { role: "list", "aria-label": "Draws of the transform" });
  const box = el("div", "nbviz-draws-box", segment, tiles);
  let shown = 0;
  const urls = ["", ""];
  life.after(() => urls.forEach((url) => URL.revokeObjectURL(url)));
  /** @type {Choice[]} */
  const sheets = [
    ["0", "Pictures", "The drawn pictures, as the network sees them"],
    ["1", "Maps", "The map of each drawn picture, for the class that is explained"],
  ];
  const paint = () => {
    fillSegment(segment, sheets, String(shown), (key) => {
      shown = Number(key);
      paint();
    });
    const focused = nodesIn(tiles, "button").indexOf(/** @type {HTMLElement} */ (focusedIn(tiles)));
    tiles.replaceChildren(...model.get("draws").map((draw, place) => drawTile(model, draw, place, urls[shown])));
    nodesIn(tiles, "button")[focused]?.focus();
  };
  life.watch("sheets draws tile chosen", () => {
    model.get("sheets").forEach((bytes, place) => (urls[place] = bytesUrl(bytes, urls[place], "image/jpeg")));
    paint();
  });
  life.watch("source", () => (box.hidden = !model.get("source")));
  return box;
}

/**
 * @param {Model<DrawsTraits>} model
 * @param {[answer: string, share: string, same: boolean, what: string]} draw
 * @param {number} place
 * @param {string} url
 */
function drawTile(model, [answer, share, same, what], place, url) {
  const sheet = /** @type {Sheet} */ (model.get("tile"));
  const picture = el("span", "nbviz-draw-picture");
  const { backgroundSize, backgroundPosition } = tileStyle(
    sheet,
    Math.floor(place / sheet.columns),
    place % sheet.columns,
  );
  Object.assign(picture.style, { backgroundImage: url ? `url(${url})` : "none", backgroundSize, backgroundPosition });
  const words = el("span", same ? "nbviz-draw-words" : "nbviz-draw-words nbviz-warning", answer);
  const node = set(button("", "nbviz-draw"), {
    title: `${what}: ${answer} ${share}. A click puts this draw on`,
    "aria-label": `Draw ${place + 1}: ${what}; ${answer} ${share}`,
    "aria-pressed": String(place === model.get("chosen")),
  });
  node.append(picture, words, el("span", "nbviz-num nbviz-note", share));
  node.addEventListener("click", () => model.send({ event: "draw", place }));
  return set(el("div", "", node), { role: "listitem" });
}
