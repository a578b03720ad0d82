// A page of jsdom, and a widget's script put together as nbviz.panels.base.front does it.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The checks' packages are installed beside .ci/package.json, not above this file.
const { JSDOM } = createRequire(new URL("../../.ci/package.json", import.meta.url))("jsdom");
const FOLDER = await mkdtemp(join(tmpdir(), "nbviz-scripts-"));
process.on("exit", () => rmSync(FOLDER, { recursive: true }));
const PANELS = new URL("../../nbviz/panels/", import.meta.url);

const { window } = new JSDOM("<!doctype html><body></body>", { pretendToBeVisual: true });
const NAMES = [
  "window",
  "document",
  "Event",
  "CustomEvent",
  "KeyboardEvent",
  "MouseEvent",
  "MutationObserver",
  "Image",
];
for (const name of [...NAMES, "requestAnimationFrame", "cancelAnimationFrame", "getComputedStyle"])
  globalThis[name] = window[name];
globalThis.CSS = { escape: (text) => text };
// jsdom has no layout, no decoder and no canvas: sizes are those that a test gives, a picture is decoded at once.
globalThis.ResizeObserver = class {
  observe() {}
  disconnect() {}
};
window.HTMLImageElement.prototype.decode = async () => {};
window.Element.prototype.scrollIntoView = () => {};

let urls = 0;
/** Every blob URL that is held at this moment. */
export const held = new Set();
URL.createObjectURL = () => {
  const url = `blob:${++urls}`;
  held.add(url);
  return url;
};
URL.revokeObjectURL = (url) => held.delete(url);

/** What a widget's script declares: `script("layers/tree_rows", "layers/layer_tree")`; its `export default` as `widget`. */
export async function script(...stems) {
  const files = ["base/common", "base/view", ...stems].map((stem) => readFile(new URL(`${stem}.js`, PANELS), "utf-8"));
  const text = (await Promise.all(files)).join("\n");
  const names = [...text.matchAll(/^(?:async )?(?:function|const|class) (\w+)/gm)].map(([, name]) => name);
  const source = `${text}\nexport { ${names.join(", ")} };`;
  const path = join(FOLDER, `${stems.at(-1)?.split("/").at(-1) ?? "helpers"}.mjs`);
  await writeFile(path, source);
  const loaded = await import(path);
  return { ...loaded, widget: loaded.default };
}

/** A widget's model: its traits, and what it was told to send. */
export class Model {
  sent = [];
  #traits;
  #acts = new Map();

  constructor(traits) {
    this.#traits = { state: "ready", message: "", details: "", ...traits };
  }

  get(name) {
    if (!(name in this.#traits)) throw new Error(`no trait ${name}`);
    return this.#traits[name];
  }

  set(name, value) {
    this.change({ [name]: value });
  }

  save_changes() {}

  send(content, _callbacks, buffers = []) {
    this.sent.push({ ...content, buffers });
  }

  on(name, act) {
    this.#acts.set(name, [...(this.#acts.get(name) ?? []), act]);
  }

  off(name, act) {
    this.#acts.set(
      name,
      (this.#acts.get(name) ?? []).filter((one) => one !== act),
    );
  }

  /** How many acts listen. */
  get heard() {
    return [...this.#acts.values()].flat().length;
  }

  /** One update of several traits, as from the kernel. */
  change(traits) {
    Object.assign(this.#traits, traits);
    for (const name of Object.keys(traits)) for (const act of this.#acts.get(`change:${name}`) ?? []) act();
  }

  /** A message from the kernel. */
  tell(content, buffers = []) {
    for (const act of this.#acts.get("msg:custom") ?? []) act(content, buffers);
  }
}

/** A view of a widget in the page, inside a frame; `end` takes it away. */
export function view(widget, model) {
  const root = document.createElement("div"),
    frame = document.createElement("div");
  frame.className = "nbviz";
  frame.append(root);
  document.body.append(frame);
  const done = widget.render({ model, el: root });
  assertGuarded(root);
  return {
    root,
    find: (selector) => root.querySelector(selector),
    all: (selector) => [...root.querySelectorAll(selector)],
    end: () => {
      assertGuarded(root);
      done();
      frame.remove();
    },
  };
}

/** Whatever can have the focus keeps the notebook's single-key shortcuts away. */
function assertGuarded(root) {
  const focusable = "button, input, select, textarea, summary, a[href], [tabindex]";
  for (const node of root.parentElement.querySelectorAll(focusable))
    assert.equal(node.dataset.lmSuppressShortcuts, "true", node.outerHTML);
}

/** A key pressed in a node; whether the page would still act on it. */
export function press(node, key, more = {}) {
  return node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
}

/** What was asked for before is done: promises, and decoded pictures. */
export const settled = () => new Promise((done) => setTimeout(done, 5));

/** Bytes of a trait, as anywidget has them. */
export const bytes = (...values) => new DataView(Uint8Array.from(values).buffer);
