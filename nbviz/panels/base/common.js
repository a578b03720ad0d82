// Helpers in front of every panel's script. Text goes through textContent only: names are never markup.

/** What a view holds open; `end` lets go of all of it. `watch` also paints once, from the state as it is. */
function lifetime(model) {
  const undo = [];
  const listen = (node, name, act, options) => {
    node.addEventListener(name, act, options);
    undo.push(() => node.removeEventListener(name, act, options));
    return node;
  };
  const watch = (names, paint) => {
    const heard = names.split(" ").map((name) => `change:${name}`);
    heard.forEach((name) => model.on(name, paint));
    undo.push(() => heard.forEach((name) => model.off(name, paint)));
    paint();
  };
  const receive = (act) => {
    model.on("msg:custom", act);
    undo.push(() => model.off("msg:custom", act));
  };
  const end = () => undo.splice(0).forEach((act) => act());
  return { listen, watch, receive, after: (act) => undo.push(act), end };
}

/** `el("div", "nbviz-note", "words")`; children may be nodes or text. */
function el(tag, names = "", ...children) {
  const node = document.createElement(tag);
  if (names) node.className = names;
  node.append(...children);
  return node;
}

/** Set attributes; null or false takes one away. */
function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

/** Keep JupyterLab's single-key shortcuts off a node that can have the focus. */
function focusable(node) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  return node;
}

/** A button; never submits, never feeds JupyterLab's shortcuts. */
function button(text, names = "nbviz-button") {
  const node = focusable(el("button", names, text));
  node.type = "button";
  return node;
}

/** A native select in our dress: `options` is [[value, text, title?], …]. Returns {box, select}. */
function selectBox(options, label) {
  const select = focusable(el("select", "nbviz-select"));
  set(select, { "aria-label": label });
  fillSelect(select, options);
  return { box: el("span", "nbviz-select-box", select), select };
}

function fillSelect(select, options) {
  select.replaceChildren(
    ...options.map(([value, text, title]) => {
      const option = el("option", "", text);
      option.value = value;
      if (title) option.title = title;
      return option;
    }),
  );
}

/** The buttons of a switch: `choices` is [[key, text, title, enabled?], …]. The one with the focus keeps it. */
function fillSegment(segment, choices, chosen, choose) {
  const focused = segment.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  segment.replaceChildren(
    ...choices.map(([key, text, title, enabled = true]) => {
      const node = set(button(text, ""), { "aria-pressed": String(key === chosen), "data-key": key, title });
      node.disabled = !enabled;
      node.addEventListener("click", () => choose(key));
      return node;
    }),
  );
  if (focused) segment.querySelector(`[data-key="${focused}"]`)?.focus();
}

let viewCount = 0;
/** An id no other view in the page has. */
function uid(stem) {
  viewCount += 1;
  return `nbviz-${stem}-${viewCount}-${Math.random().toString(36).slice(2, 7)}`;
}

/** Fill `node` with runs: plain strings, or [text, "strong" | "em" | "warn"]. */
function runs(node, parts) {
  node.replaceChildren(
    ...parts.map((part) => {
      if (typeof part === "string") return document.createTextNode(part);
      return part[1] === "warn" ? el("span", "nbviz-warning", part[0]) : el(part[1], "", part[0]);
    }),
  );
  return node;
}

/** A blob URL for a Bytes trait (a DataView); the one before is let go. Returns "" for no bytes. */
function bytesUrl(bytes, before, type = "image/png") {
  if (before) URL.revokeObjectURL(before);
  return bytes?.byteLength ? URL.createObjectURL(new Blob([bytes], { type })) : "";
}

/** Paint with the URL of a Bytes trait, the first of `names`, once its picture is decoded: the old one stands until then.
 *  Traits that change in one update paint once, after the last. Without bytes the URL is "", and the old one stays good. */
function decoded(model, life, names, paint, type = () => "image/png") {
  const [bytes] = names.split(" ");
  let url = "",
    turn = 0;
  life.after(() => {
    turn += 1;
    URL.revokeObjectURL(url);
  });
  life.watch(names, async () => {
    const mine = ++turn;
    await Promise.resolve();
    if (mine !== turn) return;
    const fresh = bytesUrl(model.get(bytes), "", type());
    const picture = new Image();
    if (fresh) {
      picture.src = fresh;
      await picture.decode().catch(() => null);
    }
    if (mine !== turn) {
      URL.revokeObjectURL(fresh);
      return;
    }
    paint(fresh, picture);
    if (!fresh) return;
    URL.revokeObjectURL(url);
    url = fresh;
  });
}

/** Bytes as a node's background, or as another style; none where there are none. */
function background(model, life, node, name, type, style = "background-image") {
  const paint = (url) => node.style.setProperty(style, url ? `url(${url})` : "none");
  decoded(model, life, name, paint, () => type);
}

/** Keys of a node: `acts[key]()`. One with a modifier, one that has no act and one whose act returns false go on to the page. */
function listenKeys(life, node, acts, able = () => true) {
  life.listen(node, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key] || !able()) return;
    if (acts[event.key](event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Size and position of a sheet of tiles as the background of the node that shows one tile of it. */
function tileStyle({ columns, rows, tile_width: wide, tile_height: tall, gap }, row, column) {
  const width = columns * (wide + gap) - gap,
    height = rows * (tall + gap) - gap;
  const share = (step, each, whole) => (whole > each ? (100 * step) / (whole - each) : 0);
  return {
    backgroundSize: `${(100 * width) / wide}% ${(100 * height) / tall}%`,
    backgroundPosition: `${share(column * (wide + gap), wide, width)}% ${share(row * (tall + gap), tall, height)}%`,
  };
}

/** Act once the node is in the page (render runs before that). */
function whenAttached(node, life, act) {
  let frame = 0;
  const look = () => {
    if (node.isConnected) act();
    else frame = requestAnimationFrame(look);
  };
  life.after(() => cancelAnimationFrame(frame));
  look();
}

/** At most one call every `wait` ms, the last one always. */
function throttle(act, wait) {
  let timer = 0,
    last = 0;
  return (...values) => {
    clearTimeout(timer);
    const left = Math.max(0, last + wait - Date.now());
    timer = setTimeout(() => {
      last = Date.now();
      act(...values);
    }, left);
  };
}

/** Whether an answer is on its way. */
const busy = (model) => ["computing", "partial"].includes(model.get("state"));

const QUIET = new Set(["ready", "computing", "partial"]);

/** The strip of a panel: nothing to show, refused or failed, in words. Retry sends {event: "retry"}. */
function drawState(model, node, life) {
  node.classList.add("nbviz-strip");
  set(node, { role: "status", "aria-live": "polite" });
  life.watch("state message details", () => {
    const state = model.get("state"),
      details = model.get("details");
    node.hidden = QUIET.has(state) || !(model.get("message") || details);
    node.dataset.state = state;
    node.replaceChildren(el("span", "nbviz-strip-words", model.get("message")));
    if (state === "failed") {
      const again = button("Retry");
      again.addEventListener("click", () => model.send({ event: "retry" }));
      node.append(again);
    }
    if (details) node.append(folded(details));
  });
  return node;
}

function folded(text) {
  const summary = focusable(el("summary", "", "details"));
  return el("details", "nbviz-folded", summary, el("pre", "", text));
}

/** Places of all pictures of a frame are linked, in the page alone: `tell` says a place (or null) to the others,
 *  `hear(place, detail)` is called with theirs. Kinds: "place" (pointed at, `pinned` or not), "press" (a click that
 *  pins or releases the place), "ask" (where is it?), "value" (what the live map says there, as text). */
function linked(node, life, hear) {
  let frame = null;
  const listen = (event) => {
    if (event.detail.from !== node) hear(event.detail);
  };
  queueMicrotask(() =>
    whenAttached(node, life, () => {
      frame = node.closest(".nbviz");
      if (!frame) return;
      life.listen(frame, "nbviz-linked", listen);
      tell({ kind: "ask" });
    }),
  );
  function tell(detail) {
    frame?.dispatchEvent(new CustomEvent("nbviz-linked", { detail: { ...detail, from: node } }));
  }
  return tell;
}

/** Where an event points in a node: [row, column] as fractions in 0…1. */
function placeAt(node, event) {
  const box = node.getBoundingClientRect();
  const part = (value, from, size) => Math.min(0.9999, Math.max(0, (value - from) / Math.max(size, 1)));
  return [part(event.clientY, box.top, box.height), part(event.clientX, box.left, box.width)];
}
