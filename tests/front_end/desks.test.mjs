import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, Model, press, script, view } from "./widget.mjs";

window.HTMLCanvasElement.prototype.getContext = () => ({
  createImageData: (width, height) => ({ data: new Uint8ClampedArray(4 * width * height) }),
  putImageData() {},
  fillRect() {},
  getImageData: (_x, _y, width, height) => ({ data: new Uint8ClampedArray(4 * width * height).fill(255) }),
});

const NO_BYTES = bytes();
const PAINT = {
  picture: NO_BYTES,
  rows: 2,
  columns: 4,
  mask: NO_BYTES,
  keep: false,
  fill: "blur",
  fills: [["blur", "blur"]],
  method: "Saliency",
  lines: [["Its score falls by ", ["1.2", "strong"]]],
  answered: 0,
  offer: "",
  flip: {},
  flip_words: [],
  flip_share: 0,
};
const ATTACK = {
  kind: "pgd",
  kinds: [
    ["pgd", "PGD"],
    ["noise", "noise"],
  ],
  size: 1,
  largest: 16,
  norm: "linf",
  start: false,
  unit: "of 255 grey levels",
  into: -1,
  classes: [[3, "into lynx"]],
  pictures: [NO_BYTES, NO_BYTES, NO_BYTES, NO_BYTES],
  captions: ["a", "b", "c", "d"],
  notes: ["", "", "", ""],
  lines: [],
  smallest: "",
  beside: [],
  others: [["coffee", "the map of coffee"]],
  map_pictures: [],
  map_captions: [],
  map_words: [],
};
const TRANSFORM = {
  kinds: [["turn", "turn"]],
  kind: "turn",
  amount: 5,
  range: [-10, 10, 0, "°", "any"],
  picture: NO_BYTES,
  aspect: 1,
  curve: { amounts: [-10, 0, 10], lines: [["lynx", [0, 0.5, 1]]], flips: [10] },
  lines: [],
  stacked: true,
  source: "",
  sheets: [NO_BYTES, NO_BYTES],
  tile: { columns: 4, rows: 1, tile_width: 8, tile_height: 8, gap: 4 },
  draws: [
    ["lynx", "80 %", true, "draw 1 of mine"],
    ["cat", "60 %", false, "draw 2 of mine"],
  ],
  chosen: -1,
};
const DESKS = { paint: PAINT, attack: ATTACK, transform: TRANSFORM };
const FILES = {
  paint: ["whatif/paint_mask", "whatif/paint_strokes", "whatif/paint_flip"],
  attack: ["whatif/attack_map"],
  transform: ["whatif/transform_draws"],
};

async function desk(name) {
  const { widget } = await script("whatif/desk", ...FILES[name], `whatif/${name}_desk`);
  const model = new Model(DESKS[name]);
  return { model, page: view(widget, model) };
}

for (const name of Object.keys(DESKS))
  test(`the ${name} desk closes on Escape, says its lines, and lets go of its model`, async () => {
    const { model, page } = await desk(name);
    model.set("lines", [["one"], ["two"]]);
    assert.deepEqual(
      page.all("[role=status] > div").map((line) => line.textContent),
      ["one", "two"],
    );
    const opener = document.createElement("button");
    opener.dataset.tool = name;
    opener.dataset.lmSuppressShortcuts = "true";
    opener.setAttribute("aria-pressed", "true");
    page.root.parentElement.append(opener);
    assert.equal(press(page.root, "Escape"), false, "JupyterLab doesn't hear of it");
    assert.equal(document.activeElement, opener);
    assert.equal(model.sent.at(-1).event, "close");
    page.end();
    assert.equal(model.heard, 0);
  });

test("the brush's controls say what they do", async () => {
  const { model, page } = await desk("paint");
  const [hide, only] = page.all(".nbviz-segment button");
  assert.equal(hide.getAttribute("aria-pressed"), "true");
  only.click();
  assert.deepEqual([model.sent.at(-1).event, model.sent.at(-1).keep], ["settings", true]);
  const named = (words) => page.all("button").find((node) => node.textContent === words);
  named("hide what the map marks").click();
  assert.deepEqual([model.sent.at(-1).event, model.sent.at(-1).share], ["marks", 0.1]);
  named("Invert").click();
  assert.deepEqual([...new Uint8Array(model.sent.at(-1).buffers[0])], [255], "8 painted pixels are a byte");
  named("Erase").click();
  assert.equal(named("Erase").getAttribute("aria-pressed"), "true");
  page.end();
});

test("the finest brush covers half of some pixel wherever it is put, in a picture of few pixels too", async () => {
  const { page } = await desk("paint");
  page.find(".nbviz-paint-stack").dispatchEvent(new MouseEvent("pointermove", { clientX: 3, clientY: 3 }));
  const diameter = (PAINT.columns * Number.parseFloat(page.find(".nbviz-paint-ring").style.width)) / 100;
  // where four pixels meet each has a quarter of the dot
  assert.ok((Math.PI * diameter ** 2) / 16 > 0.5);
  page.end();
});

test("until it flips draws its curves and offers to hide what flips it", async () => {
  const { model, page } = await desk("paint");
  assert.equal(page.find(".nbviz-flip-curve").parentNode.hidden, true);
  const named = (words) => page.all("button").find((node) => node.textContent === words);
  named("until it flips").click();
  assert.equal(model.sent.at(-1).event, "flip");
  model.set("flip", {
    start: 1,
    map: [[0.25, 0.5]],
    edges: [[0.5, 0]],
    band: [[0.5, 0.2, 0.4]],
    flip: 0.25,
    most: 0.5,
  });
  model.set("flip_words", ["hiding ", ["25 %", "strong"]]);
  model.set("flip_share", 0.25);
  const lines = page.all(".nbviz-flip-curve polyline").map((line) => line.getAttribute("points"));
  assert.deepEqual(lines, ["0,0 360,90", "0,0 180,45"]);
  assert.equal(page.find(".nbviz-flip-curve .now").getAttribute("x1"), "180");
  assert.deepEqual(
    page.all(".nbviz-desk-ticks span").map((mark) => mark.textContent),
    ["0 % hidden", "50 %"],
  );
  named("hide these 25 %").click();
  assert.deepEqual([model.sent.at(-1).event, model.sent.at(-1).share], ["marks", 0.25]);
  model.set("offer", "integrated gradients from this blur");
  named("integrated gradients from this blur").click();
  assert.equal(model.sent.at(-1).event, "from_fill");
  page.end();
});

test("the attack's slider goes as far as Python says, and a click searches for the smallest", async () => {
  const { model, page } = await desk("attack");
  assert.deepEqual([page.find("input").max, page.find("input").value], ["16", "1"]);
  page.find(".nbviz-link").click();
  assert.equal(model.sent.at(-1).event, "find");
  const start = page.all("button").find((node) => node.textContent === "random start");
  start.click();
  assert.deepEqual([model.sent.at(-1).start, model.sent.at(-1).norm, model.sent.at(-1).size], [true, "linf", 1]);
  model.set("kind", "noise");
  assert.equal(start.hidden, true);
  assert.equal(page.all(".nbviz-attack-grid:not(.nbviz-attack-maps) > div").filter((cell) => !cell.hidden).length, 4);
  model.set("beside", [["the same picture on ", ["before", "em"]]]);
  assert.match(page.root.textContent, /the same picture on before/);
  model.set("captions", ["a", "b", "c", "d", "e"]);
  const shown = page.all(".nbviz-attack-grid .nbviz-label").filter((label) => label.textContent);
  const lines = page.find(".nbviz-desk-lines");
  assert.deepEqual(
    shown.map((label) => label.compareDocumentPosition(lines) === lines.DOCUMENT_POSITION_FOLLOWING),
    [true, true, true, true, false],
    "what was measured stands after four pictures, not below the end of the column",
  );
  page
    .all("button")
    .find((node) => node.textContent.startsWith("A map can lie"))
    .click();
  assert.deepEqual([model.sent.at(-1).event, model.sent.at(-1).like], ["map", "coffee"]);
  assert.equal(page.find(".nbviz-attack-maps").hidden, true);
  model.set("map_pictures", [NO_BYTES, NO_BYTES, NO_BYTES, NO_BYTES]);
  assert.equal(page.find(".nbviz-attack-maps").hidden, false);
  model.set("into", 3);
  assert.equal(page.all("select")[1].value, "3");
  page.end();
});

test("the line of the slider stands where the amount is, on the scale of the curve", async () => {
  const { model, page } = await desk("transform");
  assert.equal(page.find("line").getAttribute("x1"), "270");
  assert.equal(page.find("polyline").getAttribute("points"), "0,120 180,60 360,0");
  model.set("amount", -10);
  assert.equal(page.find("line").getAttribute("x1"), "0");
  const ends = page.all(".nbviz-desk-ticks span").map((mark) => [mark.textContent, mark.style.left]);
  assert.deepEqual(ends, [
    ["−10°", "0%"],
    ["0°", "50%"],
    ["10°", "100%"],
  ]);
  page.end();
});

test("an undo moves the sliders back, though one has the focus", async () => {
  for (const [name, trait, value] of [
    ["transform", "amount", 0],
    ["attack", "size", 0],
  ]) {
    const { model, page } = await desk(name);
    const slider = page.find("input[type=range]");
    slider.focus();
    model.set(trait, value);
    assert.equal(slider.value, String(value));
    assert.match(page.find("strong.nbviz-num").textContent, /^0/);
    page.end();
  }
});

test("a draw's tile says what it is, and a click puts it on", async () => {
  const { model, page } = await desk("transform");
  assert.equal(page.find(".nbviz-draws-box").hidden, true);
  model.set("source", "own mine");
  assert.equal(page.find(".nbviz-draws-box").hidden, false);
  assert.equal(page.find(".nbviz-transform-curve").parentNode.hidden, true);
  const second = page.all(".nbviz-draw")[1];
  assert.match(second.getAttribute("aria-label"), /draw 2 of mine; cat 60 %/);
  assert.ok(second.querySelector(".nbviz-warning"), "another answer");
  second.click();
  assert.deepEqual([model.sent.at(-1).event, model.sent.at(-1).place], ["draw", 1]);
  page.find("[data-key='1']").click();
  assert.equal(page.find("[data-key='1']").getAttribute("aria-pressed"), "true");
  page.end();
});

const CIRCUIT = {
  path: [
    ["score of lynx", ""],
    ["layer3 · 4", "+1.20"],
  ],
  overview: {
    nodes: [
      [0, 0.5, "score of lynx", true, true],
      [1, 0.5, "layer3 · 4", true, true],
      [2, 0.5, "layer2 · 7", false, false],
    ],
    edges: [
      [0, 1, 1, false],
      [1, 2, 0.4, true],
    ],
  },
  kept: [["cat: score of lynx ‹ layer3 · 4", true]],
  here: NO_BYTES,
  spot: [],
  node_made: NO_BYTES,
  node: [],
  source: "layer2",
  sources: [["layer2", "layer2"]],
  first: false,
  checked: [],
  rows: [[7, "−0.5", "20 %", -0.2]],
  kind: "channel",
  rest: [],
  maps: NO_BYTES,
  made: NO_BYTES,
  making: "",
  code: "model",
};

test("the walk keeps the focus when it is drawn anew, on what stands for the same", async () => {
  const { widget } = await script("base/as_code", "circuit/circuit_rows", "circuit/circuit_front");
  const model = new Model(CIRCUIT),
    page = view(widget, model);
  page.find(".nbviz-crumbs button").focus();
  model.set("path", [["dog", ""]]);
  assert.equal(document.activeElement.textContent, "dog");
  page.find("circle.on").focus();
  model.set("overview", { ...CIRCUIT.overview });
  assert.equal(document.activeElement, page.find("circle.on"));
  model.set("overview", { nodes: [], edges: [] });
  assert.equal(document.activeElement.textContent, "dog");
  page.end();
});

test("every control of the circuit reaches the kernel", async () => {
  const { widget } = await script("base/as_code", "circuit/circuit_rows", "circuit/circuit_front");
  const model = new Model(CIRCUIT),
    page = view(widget, model);
  const events = [
    [".nbviz-crumbs button", { event: "go", place: 0 }],
    ["[data-key=first]", { event: "order", first: true }],
    [".nbviz-circuit-row", { event: "into", channel: 7 }],
    [".nbviz-crumbs .nbviz-link", { event: "keep" }],
    [".nbviz-circuit-path button", { event: "open", place: 0 }],
    [".nbviz-circuit-path button + button", { event: "drop", place: 0 }],
    [".nbviz-circuit-overview circle.on[tabindex]", { event: "visit", node: 0 }],
    [".nbviz-caption .nbviz-link", { event: "make" }],
  ];
  for (const [selector, content] of events) {
    page.find(selector).dispatchEvent(new MouseEvent("click", { bubbles: true }));
    assert.deepEqual(model.sent.at(-1), { ...content, buffers: [] });
  }
  assert.ok(page.find(".nbviz-circuit-overview path.against"), "what inhibits has the second colour");
  assert.equal(page.all(".nbviz-circuit-overview [tabindex]").length, 2, "what was not walked to can't be gone to");
  model.set("kind", "head");
  page.find(".nbviz-circuit-row").click();
  assert.deepEqual(model.sent.at(-1), { event: "look", head: 7, buffers: [] }, "a head has no value to walk back from");
  model.set("kind", "channel");
  model.set("making", "making pictures");
  assert.equal(page.find(".nbviz-caption .nbviz-link").hidden, true);
  page.end();
  assert.equal(model.heard, 0);
});

test("First order is no choice for heads, and the node has its place marked on its map", async () => {
  const { widget } = await script("base/as_code", "circuit/circuit_rows", "circuit/circuit_front");
  const model = new Model({ ...CIRCUIT, kind: "head", spot: [0.5, 0, 0.25, 0.25] }),
    page = view(widget, model);
  const first = page.find("[data-key=first]");
  assert.ok(first.disabled && first.title.startsWith("Heads have none"));
  assert.equal(page.find(".nbviz-circuit-spot").style.left, "50%");
  assert.ok(page.all(".nbviz-crumbs .nbviz-note").at(-1).hidden, "there is none below to choose");
  model.set("kind", "channel");
  assert.ok(!page.find("[data-key=first]").disabled);
  page.end();
});

const STRIP = { chips: [], tips: [], tool: "", undo: false, redo: false, original: false, dropped: "" };

test("what can't be pressed on the strip keeps the focus and says why", async () => {
  const { widget } = await script("whatif/what_if");
  const model = new Model(STRIP),
    page = view(widget, model);
  const acts = page.all(".nbviz-what-if-end button"),
    reasons = ["Nothing was changed before", "Nothing was undone", "No edit is on", "No edit is on"];
  assert.deepEqual(
    acts.map((node) => node.title),
    reasons,
  );
  for (const node of acts) node.click();
  press(acts[2], " ");
  assert.deepEqual(model.sent, []);
  model.set("chips", ["painted 8 %"]);
  model.set("undo", true);
  acts[0].focus();
  acts[0].click();
  assert.equal(model.sent.at(-1).event, "undo");
  model.set("undo", false);
  assert.equal(document.activeElement, acts[0]);
  const off = page.find(".nbviz-chip-off");
  off.focus();
  off.click();
  model.set("chips", []);
  assert.equal(document.activeElement, acts[0], "the last chip's focus stays in the frame");
  model.set("chips", ["painted 8 %"]);
  acts[3].click();
  assert.equal(model.sent.at(-1).event, "clear");
  press(acts[2], " ");
  assert.deepEqual([model.sent.at(-1).event, model.sent.at(-1).on], ["original", true]);
  page.end();
  assert.equal(model.heard, 0);
});

test("Ctrl+Z undoes in the frame, with the caps lock on too, and not where one types", async () => {
  const { widget } = await script("whatif/what_if");
  const model = new Model(STRIP),
    page = view(widget, model);
  const text = document.createElement("input"),
    number = Object.assign(document.createElement("input"), { type: "number" }),
    slider = Object.assign(document.createElement("input"), { type: "range" });
  for (const node of [text, number, slider]) node.dataset.lmSuppressShortcuts = "true";
  page.root.append(text, number, slider);
  const pressed = (node, key, shiftKey = false) =>
    node.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, ctrlKey: true, bubbles: true }));
  for (const node of [text, number]) pressed(node, "z");
  assert.deepEqual(model.sent, []);
  for (const [key, shifted] of [["z"], ["Z"], ["Z", true], ["y"]]) pressed(slider, key, shifted);
  assert.deepEqual(
    model.sent.map((sent) => sent.event),
    ["undo", "undo", "redo", "redo"],
  );
  page.end();
});
