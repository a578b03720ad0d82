// Thumbnails as a radio group, one row (or as many as fit) a page, and files coming in by button, drop or paste.
const LARGE = 4e6,
  WIDE = 2048,
  SHRUNK = 1024,
  MOST = 9e6;

/** A file as bytes small enough to travel; throws a sentence where that can't be had. */
async function prepared(file) {
  let bitmap = null;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    if (file.size > MOST)
      throw new Error(
        `${file.name} (${Math.round(file.size / 1e6)} MB) can't be read by the browser. Pass its path as images= instead.`,
      );
    return file;
  }
  const longest = Math.max(bitmap.width, bitmap.height);
  if (file.size <= LARGE && longest <= WIDE) return file;
  const share = Math.min(1, SHRUNK / longest);
  const canvas = el("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * share));
  canvas.height = Math.max(1, Math.round(bitmap.height * share));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((give) => canvas.toBlob(give, "image/png"));
}

export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pictures");
    const label = el("span", "nbviz-label", "Picture");
    const strip = el("div", "nbviz-thumbs"),
      plus = button("+", "nbviz-plus");
    const back = button("‹", "nbviz-page-turn"),
      next = button("›", "nbviz-page-turn"),
      where = el("span", "nbviz-num");
    const pager = el("span", "nbviz-pager nbviz-small nbviz-note", back, where, next);
    const file = el("input"),
      complaint = el("div", "nbviz-small nbviz-warning");
    set(strip, { role: "radiogroup", "aria-label": "Picture" });
    set(plus, { title: "Add a picture: choose a file, drop one here, or paste it.", "aria-label": "Add a picture" });
    set(back, { "aria-label": "Earlier pictures" });
    set(next, { "aria-label": "More pictures" });
    set(file, { type: "file", accept: "image/*", multiple: true, hidden: true, tabindex: -1 });
    set(complaint, { role: "status", "aria-live": "polite" });
    focusable(file);
    root.append(
      el("div", "nbviz-pictures-head", label, pager),
      strip,
      file,
      complaint,
      drawState(model, el("div"), life),
    );

    const known = new Map();
    let page = 0,
      fit = 6;
    life.after(() => known.forEach((url) => URL.revokeObjectURL(url)));

    const pages = () => Math.max(1, Math.ceil(model.get("names").length / fit));
    const face = (name, index) => {
      const chosen = name === model.get("chosen"),
        one = button("", "nbviz-thumb");
      const words = model.get("sizes")[index] ? `${name}, ${model.get("sizes")[index]}` : name;
      set(one, {
        role: "radio",
        "aria-checked": String(chosen),
        tabindex: chosen ? 0 : -1,
        title: words,
        "aria-label": words,
      });
      one.dataset.name = name;
      if (known.get(name)) one.style.backgroundImage = `url(${known.get(name)})`;
      else if (known.has(name)) one.append(el("span", "nbviz-small", "?"));
      return one;
    };
    const paint = () => {
      // The last page is a full one, so that a picture just added does not stand alone.
      const names = model.get("names"),
        from = Math.max(0, Math.min(page * fit, names.length - fit)),
        shown = names.slice(from, from + fit);
      const focused = strip.contains(document.activeElement) ? document.activeElement.dataset.name : null;
      strip.replaceChildren(...shown.map((name, at) => face(name, from + at)), plus);
      if (![...strip.children].some((one) => one.tabIndex === 0 && one !== plus)) strip.firstChild.tabIndex = 0;
      if (focused) [...strip.children].find((one) => one.dataset.name === focused)?.focus({ preventScroll: true });
      pager.hidden = pages() < 2;
      where.textContent = `${from + 1}–${from + shown.length} of ${names.length}`;
      back.disabled = page === 0;
      next.disabled = page >= pages() - 1;
      const missing = shown.filter((name) => !known.has(name));
      if (missing.length) model.send({ event: "thumbnails", names: missing });
    };
    const follow = () => {
      const at = model.get("names").indexOf(model.get("chosen"));
      page = at < 0 ? Math.min(page, pages() - 1) : Math.floor(at / fit);
      paint();
    };
    const keep = (name, bytes) => {
      if (known.get(name)) URL.revokeObjectURL(known.get(name));
      known.set(name, bytesUrl(bytes, "", "image/jpeg"));
    };
    const choose = (name) => model.send({ event: "choose", name });

    life.watch("names thumbnails sizes", () => {
      model.get("thumbnails").forEach((bytes, at) => {
        if (!known.has(model.get("names")[at])) keep(model.get("names")[at], bytes);
      });
      follow();
    });
    life.watch("chosen", follow);
    life.receive((message, buffers) => {
      if (message.event !== "thumbnails") return;
      message.names.forEach((name, at) => keep(name, buffers[at]));
      paint();
    });
    life.listen(back, "click", () => {
      page -= 1;
      paint();
    });
    life.listen(next, "click", () => {
      page += 1;
      paint();
    });
    life.listen(strip, "click", (event) => {
      const one = event.target.closest(".nbviz-thumb");
      if (one) choose(one.dataset.name);
    });
    life.listen(strip, "keydown", (event) => {
      const names = model.get("names"),
        at = names.indexOf(document.activeElement?.dataset?.name);
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
      page = Math.floor(to / fit);
      paint();
      [...strip.children].find((one) => one.dataset.name === names[to])?.focus();
      choose(names[to]);
    });
    // Rows: one beside the others, two in a stacked frame.
    const measure = () => {
      const thumb = parseFloat(getComputedStyle(root).getPropertyValue("--nbviz-thumb")) || 58;
      const across = Math.max(2, Math.floor((strip.clientWidth + 4) / (thumb + 4)));
      if (!strip.clientWidth || across - 1 === fit) return;
      fit = across - 1;
      follow();
    };
    const sized = new ResizeObserver(measure);
    sized.observe(strip);
    life.after(() => sized.disconnect());

    const take = async (files) => {
      complaint.textContent = "";
      for (const one of files) {
        try {
          const bytes = await (await prepared(one)).arrayBuffer();
          model.send({ event: "add", name: one.name || "pasted" }, undefined, [new DataView(bytes)]);
        } catch (error) {
          complaint.textContent = error.message;
        }
      }
    };
    life.listen(plus, "click", () => file.click());
    life.listen(file, "change", () => {
      take([...file.files]);
      file.value = "";
    });
    whenAttached(root, life, () => welcome(root.closest(".nbviz") || root, life, take));
    return life.end;
  },
};

/** Files dropped anywhere on the frame, or pasted while it has the focus. */
function welcome(frame, life, take) {
  const files = (transfer) => [...(transfer?.files || [])];
  const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const over = (event, yes) => {
    if (!carries(event)) return;
    event.preventDefault();
    event.stopPropagation();
    frame.classList.toggle("nbviz-dropping", yes);
  };
  life.listen(frame, "dragenter", (event) => over(event, true));
  life.listen(frame, "dragover", (event) => over(event, true));
  life.listen(frame, "dragleave", (event) => {
    if (!frame.contains(event.relatedTarget)) over(event, false);
  });
  life.listen(frame, "drop", (event) => {
    over(event, false);
    if (carries(event)) take(files(event.dataTransfer));
  });
  life.listen(frame, "paste", (event) => {
    const found = files(event.clipboardData);
    if (!found.length) return;
    event.preventDefault();
    event.stopPropagation();
    take(found);
  });
}
