// A map can lie: the picture changed so that its map is another's, before and after, and what it was judged to do.

/**
 * The choice of another picture, four pictures, the wanted map last, and a sentence.
 * @param {Model<Front & {others: any[], map_pictures: DataView[], map_captions: string[], map_words: any[]}>} model
 * @param {Life} life
 */
function lyingMap(model, life) {
  let asked = false;
  const like = selectBox([], "Whose map is wanted");
  const go = set(button("A map can lie: give it"), {
    title: "Changes the picture so little that the answer stays, and its map becomes another picture's",
  });
  life.listen(go, "click", () => {
    model.send({ event: "map", like: like.select.value });
    asked = true;
  });
  life.watch("others", () => {
    const chosen = like.select.value;
    fillSelect(like.select, model.get("others"));
    if (model.get("others").some(([name]) => name === chosen)) like.select.value = chosen;
  });
  const cells = [0, 1, 2, 3].map(() => {
    const picture = set(el("div", "nbviz-attack-picture"), { role: "img" }),
      label = el("span", "nbviz-label");
    return { picture, label, box: el("div", "", label, picture) };
  });
  const urls = cells.map(() => "");
  life.after(() => urls.forEach((url) => URL.revokeObjectURL(url)));
  const grid = el("div", "nbviz-attack-grid nbviz-attack-maps", ...cells.map((cell) => cell.box));
  life.watch("map_pictures map_captions", () => {
    grid.hidden = !model.get("map_pictures").length;
    cells.forEach(({ picture, label }, place) => {
      urls[place] = bytesUrl(model.get("map_pictures")[place] ?? null, urls[place]);
      picture.style.backgroundImage = urls[place] ? `url(${urls[place]})` : "none";
      label.textContent = label.title = model.get("map_captions")[place] ?? "";
      set(picture, { "aria-label": label.textContent });
    });
  });
  const words = set(el("div", "nbviz-caption"), { role: "status", "aria-live": "polite" });
  life.watch("map_words", () => {
    runs(words, model.get("map_words"));
    // what was asked for begins below where the column ends, and once more where its pictures push it down
    if (asked && words.textContent) box.scrollIntoView({ block: "nearest" });
    asked = asked && Boolean(grid.hidden);
  });
  const box = el("div", "", el("div", "nbviz-bar nbviz-desk-foot", go, like.box), grid, words);
  return box;
}
