// Thumbnails as a radio group, one row (or as many as fit) a page.
/**
 * Synced traits of `picture_chooser.PictureChooserFront`.
 * @typedef {Front & {
 *   names: string[],
 *   sizes: string[],
 *   thumbnails: DataView[],
 *   chosen: string,
 *   total: number,
 *   marks: Record<string, [string, string]>,
 *   answers: Record<string, string>,
 *   listing: boolean,
 * }} PictureChooserFrontTraits
 */

export default {
  /** @param {View<PictureChooserFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pictures");
    const strip = set(el("div", "nbviz-thumbs"), { role: "radiogroup", "aria-label": "Picture" });
    const { plus, file, complaint } = adding(model, life, root);
    const pager = stripPager(life, (by) => turn(by)),
      known = thumbnails(model, life, () => {
        paint();
        list.paint();
      }),
      list = pictureList(model, life, root, known),
      label = el("span", "nbviz-label", "Picture"),
      remark = drawState(model, el("div"), life);
    root.append(
      el("div", "nbviz-pictures-head", label, list.opener, jumpField(model, life), pager.node),
      strip,
      file,
      complaint,
      remark,
    );
    // one line of it is in sight
    life.watch("message", () => set(remark, { title: model.get("message") }));
    let page = 0,
      fit = 6;
    const paint = () => {
      const names = model.get("names"),
        [from, to] = pageSpan(page, fit, names.length),
        shown = names.slice(from, to);
      fillStrip(
        strip,
        shown.map((name, at) => face(model, name, model.get("sizes")[from + at], known)),
        plus,
      );
      const total = Math.max(model.get("total"), names.length);
      pager.draw(page, Math.ceil(total / fit), `${from + 1}–${to} of ${total.toLocaleString("en")}`);
      known.ask(shown);
    };
    const turn = (by) => {
      page += by;
      const left = model.get("names").length - page * fit;
      if (left < fit && model.get("names").length < model.get("total")) model.send({ event: "more" });
      if (left > 0) paint();
    };
    const turnTo = (name) => {
      const names = model.get("names");
      page = pageOf(names.indexOf(name), page, fit, names.length);
      paint();
    };
    const follow = () => turnTo(model.get("chosen"));
    const choose = (name) => model.send({ event: "choose", name });
    life.watch("names thumbnails sizes", () => {
      known.take(model.get("names"), model.get("thumbnails"));
      if (page * fit < model.get("names").length && model.get("names").includes(model.get("chosen")) && page) paint();
      else follow();
    });
    life.watch("chosen", follow);
    life.watch("marks total", () => paint());
    chooseThumbs(model, life, strip, turnTo, choose);
    fitStrip(root, life, strip, (across) => {
      if (across === fit) return;
      fit = across;
      follow();
    });
    return life.end;
  },
};

/** [first, end) of a page. The last page is a full one, so that a picture just added does not stand alone. */
function pageSpan(page, fit, count) {
  const from = Math.max(0, Math.min(page * fit, count - fit));
  return [from, Math.min(from + fit, count)];
}

/** The page that a picture is on; the page on show, or the last, for one that is not there. */
function pageOf(place, page, fit, count) {
  return place < 0 ? Math.min(page, Math.max(1, Math.ceil(count / fit)) - 1) : Math.floor(place / fit);
}

function stripPager(life, turn) {
  const back = set(button("‹", "nbviz-page-turn"), { "aria-label": "Earlier pictures", title: "Earlier pictures" }),
    next = set(button("›", "nbviz-page-turn"), { "aria-label": "More pictures", title: "More pictures" }),
    where = el("span", "nbviz-num"),
    node = el("span", "nbviz-pager nbviz-small nbviz-note", back, where, next);
  where.title = "Pictures in this row, of all there are";
  life.listen(back, "click", () => turn(-1));
  life.listen(next, "click", () => turn(1));
  const draw = (page, pages, words) => {
    node.hidden = pages < 2;
    where.textContent = words;
    const focused = focusedIn(node);
    back.disabled = page === 0;
    next.disabled = page >= pages - 1;
    if (focused) (back.disabled ? next : next.disabled ? back : focused).focus();
  };
  return { node, draw };
}

/**
 * Thumbnails by name, as URLs: the first come with the names, the others when their page asks; "" for one that can't be read.
 * @param {Model<PictureChooserFrontTraits>} model
 */
function thumbnails(model, life, paint) {
  const known = new Map();
  const keep = (name, bytes) => {
    if (known.get(name)) URL.revokeObjectURL(known.get(name));
    known.set(name, bytesUrl(bytes, "", "image/jpeg"));
  };
  life.after(() => known.forEach((url) => URL.revokeObjectURL(url)));
  life.receive((message, buffers) => {
    if (message.event !== "thumbnails") return;
    message.names.forEach((name, at) => keep(name, buffers[at]));
    paint();
  });
  return {
    url: (name) => known.get(name),
    take: (names, pictures) => pictures.forEach((bytes, at) => !known.has(names[at]) && keep(names[at], bytes)),
    ask: (names) => {
      const missing = names.filter((name) => !known.has(name));
      if (missing.length) model.send({ event: "thumbnails", names: missing });
    },
  };
}

/**
 * A picture's button: its thumbnail, or a question mark where it can't be read; below it the name, and whether the
 * network is right. Delete takes it away.
 * @param {Model<PictureChooserFrontTraits>} model
 */
function face(model, name, size, known) {
  const [mark, sentence] = model.get("marks")[name] ?? ["", ""],
    words = [name, size, sentence].filter(Boolean).join(", "),
    chosen = name === model.get("chosen"),
    url = known.url(name);
  const one = set(button("", "nbviz-thumb"), {
    role: "radio",
    "aria-checked": String(chosen),
    tabindex: chosen ? 0 : -1,
    title: `${words}. Delete takes it away.`,
    "aria-label": words,
    "data-name": name,
  });
  const square = el("span", "nbviz-thumb-picture"),
    sign = set(el("span", "nbviz-thumb-mark", { right: "✓ ", wrong: "✗ " }[mark] ?? ""), { "data-mark": mark });
  if (url) square.style.backgroundImage = `url(${url})`;
  else if (url === "") square.append(el("span", "nbviz-small", "?"));
  one.append(square, el("span", "nbviz-thumb-name", sign, name));
  return one;
}

/**
 * A field that opens a picture by name or number, where there are more than a row shows.
 * @param {Model<PictureChooserFrontTraits>} model
 */
function jumpField(model, life) {
  const field = focusable(set(el("input", "nbviz-input nbviz-jump"), { type: "text", placeholder: "name or number" }));
  set(field, {
    "aria-label": "Open a picture by name or number",
    title: "Enter opens the picture of this name or number",
  });
  life.watch("total", () => {
    field.hidden = model.get("total") < 7;
  });
  life.listen(field, "keydown", (event) => {
    if (event.key !== "Enter" || !field.value.trim()) return;
    event.stopPropagation();
    model.send({ event: "jump", words: field.value });
    field.value = "";
  });
  return field;
}

/** Thumbnails and the button that adds; the one with the focus keeps it, and one is in the order of Tab. */
function fillStrip(strip, faces, plus) {
  const focused = focusedIn(strip)?.dataset.name;
  if (plus.parentNode !== strip) strip.replaceChildren(plus);
  // it stays where it is: a node that is taken out and put back loses the focus
  while (plus.previousSibling) plus.previousSibling.remove();
  plus.before(...faces);
  if (!faces.some((one) => one.tabIndex === 0)) strip.firstChild.tabIndex = 0;
  const same = faces.find((one) => one.dataset.name === focused) ?? faces.find((one) => one.tabIndex === 0);
  if (focused) same?.focus({ preventScroll: true });
}

/**
 * A click chooses; arrows, Home and End choose and go along all pictures, page by page.
 * @param {Model<PictureChooserFrontTraits>} model
 */
function chooseThumbs(model, life, strip, turnTo, choose) {
  life.listen(strip, "click", (event) => {
    const one = event.target.closest(".nbviz-thumb");
    if (one) choose(one.dataset.name);
  });
  life.listen(strip, "keydown", (event) => {
    const names = model.get("names"),
      at = names.indexOf(focusedIn(strip)?.dataset.name);
    if (event.key === "Delete" && at >= 0) model.send({ event: "remove", name: names[at] });
    if (event.key === "ArrowRight" && at === names.length - 1 && at >= 0) model.send({ event: "more" });
    const to = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: names.length - 1,
    }[event.key];
    if (at < 0 || to === undefined || !names[to]) return;
    event.preventDefault();
    turnTo(names[to]);
    [...strip.children].find((one) => one.dataset.name === names[to])?.focus();
    choose(names[to]);
  });
}

/** How many thumbnails stand beside the button that adds, now and when the strip's width changes. */
function fitStrip(root, life, strip, fits) {
  const sized = new ResizeObserver(() => {
    if (!strip.clientWidth) return;
    const thumb = parseFloat(getComputedStyle(root).getPropertyValue("--nbviz-thumb")) || 58;
    fits(Math.max(2, Math.floor((strip.clientWidth + 4) / (thumb + 4))) - 1);
  });
  sized.observe(strip);
  life.after(() => sized.disconnect());
}
