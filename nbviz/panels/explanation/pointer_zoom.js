// Nearer and farther: the picture, its heat and this layer are moved and enlarged alike, so that places stay right.
const FARTHEST = 16;

/**
 * The wheel, + and − enlarge around a place, 0 shows all; what is enlarged is dragged. Returns keys and whether a click was a drag.
 * @param {Life} life
 * @param {HTMLElement} root
 * @param {() => Place | null} place
 */
function zooming(life, root, place) {
  const at = { zoom: 1, x: 0, y: 0 };
  /** @type {() => HTMLElement | null} */
  const stack = () => root.closest(".nbviz-stack");
  const apply = () => {
    const node = stack();
    if (!node) return;
    node.classList.toggle("nbviz-zoomed", at.zoom > 1);
    node.style.setProperty("--nbviz-zoom", String(at.zoom));
    node.style.setProperty("--nbviz-pan", `${at.x}px ${at.y}px`);
  };
  // x and y are where the picture's corner lies: never so far that a part of the frame is empty
  const pan = (x, y) => {
    const { width, height } = stack().getBoundingClientRect();
    at.x = Math.min(0, Math.max(width * (1 - at.zoom), x));
    at.y = Math.min(0, Math.max(height * (1 - at.zoom), y));
    apply();
  };
  const zoom = (factor, x, y) => {
    const before = at.zoom;
    at.zoom = Math.min(FARTHEST, Math.max(1, before * factor));
    const share = at.zoom / before;
    pan(x - (x - at.x) * share, y - (y - at.y) * share);
    return at.zoom !== before;
  };
  const keyed = (factor) => {
    const { width, height } = stack().getBoundingClientRect(),
      [row, column] = place() ?? [0.5, 0.5];
    zoom(factor, at.x + column * width * at.zoom, at.y + row * height * at.zoom);
  };
  life.listen(
    root,
    "wheel",
    (event) => {
      const box = stack().getBoundingClientRect();
      const moved = zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
      if (moved || at.zoom > 1) event.preventDefault(); // all of it is on show: the page scrolls on
    },
    { passive: false },
  );
  const dragged = dragging(life, root, at, pan);
  return {
    dragged,
    keys: { "+": () => keyed(1.5), "=": () => keyed(1.5), "-": () => keyed(1 / 1.5), 0: () => keyed(0) },
  };
}

/** What is enlarged follows the pointer that holds it; whether the click that ends it was a drag. */
function dragging(life, root, at, pan) {
  let from = null,
    moved = false;
  life.listen(root, "pointerdown", (event) => {
    from = at.zoom > 1 && event.button === 0 ? [event.clientX - at.x, event.clientY - at.y] : null;
    moved = false;
  });
  life.listen(root, "pointermove", (event) => {
    if (!from || !event.buttons) return;
    const [x, y] = [event.clientX - from[0], event.clientY - from[1]];
    if (!moved && Math.hypot(x - at.x, y - at.y) < 4) return;
    moved = true;
    pan(x, y);
  });
  for (const name of ["pointerup", "pointercancel"])
    life.listen(window, name, () => {
      from = null;
    });
  return () => moved;
}

/**
 * The photograph in colour while Space is held.
 * @param {Model<import("./pointer.js").PointerFrontTraits>} model
 * @param {Life} life
 * @param {HTMLElement} root
 */
function photograph(model, life, root) {
  const photo = set(el("img", "nbviz-photograph"), { alt: "" });
  photo.hidden = true;
  decoded(
    model,
    life,
    "photo",
    (url) => {
      photo.src = url;
    },
    () => "image/jpeg",
  );
  const show = (yes) => {
    photo.hidden = !yes || !model.get("photo")?.byteLength;
  };
  life.listen(root, "keydown", (event) => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    show(true);
  });
  life.listen(root, "keyup", (event) => event.key === " " && show(false));
  life.listen(root, "blur", () => show(false));
  return photo;
}
