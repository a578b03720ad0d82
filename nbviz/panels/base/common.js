// Helpers in front of every panel's script: nodes of the page. Text goes through textContent only: names are never markup.

/**
 * `el("div", "nbviz-note", "words")`; children may be nodes or text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [names]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function el(tag, names = "", ...children) {
  const node = document.createElement(tag);
  if (names) node.className = names;
  node.append(...children);
  return node;
}

/**
 * Set attributes; null or false takes one away.
 * @template {Element} N
 * @param {N} node
 * @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @returns {N}
 */
function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

/**
 * An SVG element: `svg("circle", { r: 3 })`; children may be nodes or text.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function svg(tag, attributes, ...children) {
  const node = set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);
  node.append(...children);
  return node;
}

/**
 * Keep JupyterLab's single-key shortcuts off a node that can have the focus.
 * @template {Element} N
 * @param {N} node
 * @returns {N}
 */
function focusable(node) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  return node;
}

/**
 * A button; never submits, never feeds JupyterLab's shortcuts.
 * @param {string} text
 * @param {string} [names]
 */
function button(text, names = "nbviz-button") {
  const node = focusable(el("button", names, text));
  node.type = "button";
  return node;
}

/**
 * Whether a button can be pressed: one that can't keeps the focus, and says why when pointed at.
 * @param {Element} node
 * @param {boolean} yes
 * @param {string} title
 * @param {string} why
 */
function able(node, yes, title, why) {
  set(node, { "aria-disabled": yes ? null : "true", title: yes ? title : why });
}

/**
 * A native select in our dress: `options` is [[value, text, title?], …]. Returns {box, select}.
 * @param {Option[]} options
 * @param {string} label
 */
function selectBox(options, label) {
  const select = focusable(el("select", "nbviz-select"));
  set(select, { "aria-label": label, title: label });
  fillSelect(select, options);
  return { box: el("span", "nbviz-select-box", select), select };
}

/**
 * @param {Element} select
 * @param {Option[]} options
 */
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

/**
 * The buttons of a switch: `choices` is [[key, text, title, enabled?], …]. The one with the focus keeps it.
 * @param {HTMLElement} segment
 * @param {Choice[]} choices
 * @param {string} chosen
 * @param {(key: string) => void} choose
 */
function fillSegment(segment, choices, chosen, choose) {
  const focused = focusedIn(segment)?.dataset.key;
  segment.replaceChildren(
    ...choices.map(([key, text, title, enabled = true]) => {
      const node = set(button(text, ""), { "aria-pressed": String(key === chosen), "data-key": key, title });
      node.disabled = !enabled;
      node.addEventListener("click", () => choose(key));
      return node;
    }),
  );
  if (focused) nodeIn(segment, `[data-key="${focused}"]`)?.focus();
}

/**
 * The node inside this one, or itself, that has the focus.
 * @param {Node} node
 */
function focusedIn(node) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  return node.contains(focused) ? focused : null;
}

/**
 * The first node inside that a selector fits.
 * @param {Element} node
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
function nodeIn(node, selector) {
  return node.querySelector(selector);
}

/**
 * All nodes inside that a selector fits.
 * @param {Element} node
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
function nodesIn(node, selector) {
  return [...node.querySelectorAll(selector)].map((one) => /** @type {HTMLElement} */ (one));
}

let viewCount = 0;
/**
 * An id no other view in the page has.
 * @param {string} stem
 */
function uid(stem) {
  viewCount += 1;
  return `nbviz-${stem}-${viewCount}-${Math.random().toString(36).slice(2, 7)}`;
}

/**
 * Fill `node` with runs: plain strings, or [text, "strong" | "em" | "warn"].
 * @template {Element} N
 * @param {N} node
 * @param {Runs} parts
 * @returns {N}
 */
function runs(node, parts) {
  // a per cent sign alone on the next line belongs to nothing
  /** @type {(text: string) => string} */
  const whole = (text) => text.replaceAll(" %", "\u00a0%");
  node.replaceChildren(
    ...parts.map((part) => {
      if (typeof part === "string") return document.createTextNode(whole(part));
      const text = whole(part[0]);
      return part[1] === "warn" ? el("span", "nbviz-warning", text) : el(part[1], "", text);
    }),
  );
  return node;
}

/**
 * Size and position of a sheet of tiles as the background of the node that shows one tile of it.
 * @param {Sheet} sheet
 * @param {number} row
 * @param {number} column
 */
function tileStyle({ columns, rows = 1, tile_width: wide, tile_height: tall, gap }, row, column) {
  const width = columns * (wide + gap) - gap,
    height = rows * (tall + gap) - gap;
  /** @type {(step: number, each: number, whole: number) => number} */
  const share = (step, each, whole) => (whole > each ? (100 * step) / (whole - each) : 0);
  return {
    backgroundSize: `${(100 * width) / wide}% ${(100 * height) / tall}%`,
    backgroundPosition: `${share(column * (wide + gap), wide, width)}% ${share(row * (tall + gap), tall, height)}%`,
  };
}
