// Helpers in front of every panel's script: what a view listens to, watches, paints and lets go of.

/**
 * What a view holds open; `end` lets go of all of it, and of what comes later at once. `watch` also paints once, from
 *  the state as it is.
 * @template T
 * @param {Model<T>} model
 * @returns {Life}
 */
function lifetime(model) {
  /** @type {(() => void)[]} */
  const undo = [];
  let over = false;
  /** @type {Life["after"]} */
  const after = (act) => {
    if (over) act();
    else undo.push(act);
  };
  /** @type {Life["listen"]} */
  const listen = (node, name, act, options) => {
    node.addEventListener(name, act, options);
    after(() => node.removeEventListener(name, act, options));
    return node;
  };
  /** @type {Life["watch"]} */
  const watch = (names, paint) => {
    const heard = names.split(" ").map((name) => `change:${name}`);
    heard.forEach((name) => model.on(name, paint));
    after(() => heard.forEach((name) => model.off(name, paint)));
    paint();
  };
  /** @type {Life["receive"]} */
  const receive = (act) => {
    model.on("msg:custom", act);
    after(() => model.off("msg:custom", act));
  };
  const end = () => {
    over = true;
    undo.splice(0).forEach((act) => act());
  };
  return { listen, watch, receive, after, end };
}

/**
 * A blob URL for a Bytes trait (a DataView); the one before is let go. Returns "" for no bytes.
 * @param {DataView | null} bytes
 * @param {string} before
 * @param {string} [type]
 */
function bytesUrl(bytes, before, type = "image/png") {
  if (before) URL.revokeObjectURL(before);
  return bytes?.byteLength
    ? URL.createObjectURL(new Blob([/** @type {DataView<ArrayBuffer>} */ (bytes)], { type }))
    : "";
}

/**
 * Paint with the URL of a Bytes trait, the first of `names`, once its picture is decoded: the old one stands until then.
 *  Traits that change in one update paint once, after the last. Without bytes the URL is "", and the old one stays good.
 * @template T
 * @param {Model<T>} model
 * @param {Life} life
 * @param {string} names
 * @param {(url: string, picture: HTMLImageElement) => void} paint
 * @param {() => string} [type]
 */
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
    const fresh = bytesUrl(/** @type {any} */ (model).get(bytes), "", type());
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

/**
 * Bytes as a node's background, or as another style; none where there are none.
 * @template T
 * @param {Model<T>} model
 * @param {Life} life
 * @param {HTMLElement} node
 * @param {keyof T & string} name
 * @param {string} [type]
 * @param {string} [style]
 */
function background(model, life, node, name, type, style = "background-image") {
  /** @param {string} url */
  const paint = (url) => node.style.setProperty(style, url ? `url(${url})` : "none");
  decoded(model, life, name, paint, type === undefined ? undefined : () => type);
}

/**
 * Keys of a node: `acts[key]()`. One with a modifier, one that has no act and one whose act returns false go on to the page.
 * @param {Life} life
 * @param {HTMLElement} node
 * @param {Record<string, (event: KeyboardEvent) => unknown>} acts
 * @param {() => boolean} [able]
 */
function listenKeys(life, node, acts, able = () => true) {
  life.listen(node, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key] || !able()) return;
    if (acts[event.key](event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * Act once the node is in the page (render runs before that).
 * @param {Element} node
 * @param {Life} life
 * @param {() => void} act
 */
function whenAttached(node, life, act) {
  let frame = 0;
  const look = () => {
    if (node.isConnected) act();
    else frame = requestAnimationFrame(look);
  };
  look();
  life.after(() => cancelAnimationFrame(frame)); // after the first look: a view that has ended waits for no frame
}

/**
 * At most one call every `wait` ms, the last one always.
 * @template {any[]} V
 * @param {(...values: V) => void} act
 * @param {number} wait
 * @returns {(...values: V) => void}
 */
function throttle(act, wait) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer,
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

/**
 * What a slider shows of the kernel's values: one that it sent itself comes back late, when the thumb may be elsewhere,
 * and is not taken over; any other, an undo's or another view's, is, with the focus on the slider too.
 * @param {HTMLInputElement} slider
 */
function sliderEcho(slider) {
  /** @type {number[]} */
  let sent = [];
  /** @type {number | null} */
  let echoed = null;
  return {
    /** @param {number} value */
    send: (value) => {
      sent.push(value);
      return value;
    },
    /** @param {number} value */
    take: (value) => {
      const place = sent.indexOf(value);
      // asked again for what came back already: another trait has changed
      if (place < 0 && value === echoed) return;
      [echoed, sent] = place < 0 ? [null, []] : [value, sent.slice(place + 1)];
      if (place < 0) slider.value = String(value);
    },
  };
}

/**
 * Whether an answer is on its way.
 * @param {Model<Front>} model
 */
const busy = (model) => ["computing", "partial"].includes(model.get("state"));

const QUIET = new Set(["ready", "computing", "partial"]);

/**
 * The strip of a panel: nothing to show, refused or failed, in words. Retry sends {event: "retry"}.
 * @param {Model<Front>} model
 * @param {HTMLElement} node
 * @param {Life} life
 */
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

/**
 * @param {string} text
 */
function folded(text) {
  const summary = focusable(el("summary", "", "details"));
  return el("details", "nbviz-folded", summary, el("pre", "", text));
}

/**
 * Places of all pictures of a frame are linked, in the page alone: `tell` says a place (or null) to the others,
 *  `hear` is called with theirs. Kinds: "place" (pointed at, `pinned` or not), "press" (a click that
 *  pins or releases the place), "ask" (where is it?), "value" (what the live map says there, as text).
 * @param {Element} node
 * @param {Life} life
 * @param {(told: Told) => void} hear
 * @returns {(told: Told) => void}
 */
function linked(node, life, hear) {
  /** @type {Element | null} */
  let frame = null;
  /** @param {CustomEvent} event */
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
  /** @param {Told} detail */
  function tell(detail) {
    frame?.dispatchEvent(new CustomEvent("nbviz-linked", { detail: { ...detail, from: node } }));
  }
  return tell;
}

/**
 * Where an event points in a node: [row, column] as fractions in 0…1.
 * @param {Element} node
 * @param {MouseEvent} event
 * @returns {Place}
 */
function placeAt(node, event) {
  const box = node.getBoundingClientRect();
  /** @type {(value: number, from: number, size: number) => number} */
  const part = (value, from, size) => Math.min(0.9999, Math.max(0, (value - from) / Math.max(size, 1)));
  return [part(event.clientY, box.top, box.height), part(event.clientX, box.left, box.width)];
}
