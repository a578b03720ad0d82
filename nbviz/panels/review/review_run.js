// What takes long: a button that begins it, how far it is, and a button that ends it.

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 * @param {string} traits What `told` reads.
 * @param {() => { offer: string[], going: boolean, progress: string, done: number }} told
 * @param {{ begin: string, end: string, words: string }} events Of both buttons; `words` stand on the second.
 */
function longRun(model, life, traits, told, { begin, end, words }) {
  const run = button(""),
    stop = button(words),
    how = el("span", "nbviz-caption nbviz-num"),
    share = el("span"),
    line = el("div", "nbviz-review-line", share),
    bar = el("div", "nbviz-bar", run, stop, how);
  life.watch(traits, () => {
    const { offer, going, progress, done } = told();
    const [text = "", title = ""] = offer;
    run.hidden = !text || going;
    run.textContent = text;
    run.title = title;
    stop.hidden = line.hidden = !going;
    how.textContent = going ? progress : "";
    share.style.width = `${100 * done}%`;
    bar.hidden = run.hidden && stop.hidden;
  });
  life.listen(run, "click", () => model.send({ event: begin }));
  life.listen(stop, "click", () => model.send({ event: end }));
  return el("div", "", bar, line);
}
