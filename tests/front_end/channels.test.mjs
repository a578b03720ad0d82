import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, held, Model, press, script, settled, view } from "./widget.mjs";

const remade = await script("channels/picture_made");
const grid = await script("channels/channel_tiles", "channels/channel_grid");

test("the pictures made again open and close, and stand beside each other in one sheet", async () => {
  const traits = { shown: true, opened: false, stops: ["a", "b"], at: 1, layer: "b", progress: "", share: 0 };
  const model = new Model({ ...traits, pictures: bytes(), tiles: [], sheet: {} }),
    before = held.size,
    one = view(remade.widget, model);
  assert.equal(one.find(".nbviz-link").getAttribute("aria-expanded"), "false");
  one.find(".nbviz-link").click();
  assert.deepEqual(model.sent, [{ event: "open", opened: true, buffers: [] }]);
  const tiles = [
    ["seen", "the picture"],
    ["<b>kept</b>", "what is kept of it"],
  ];
  model.change({ opened: true, pictures: bytes(1), tiles, sheet: { side: 10, gap: 2 } });
  await settled();
  const pictures = one.all(".nbviz-remade-picture");
  assert.deepEqual(
    pictures.map(({ style }) => [style.backgroundSize, style.backgroundPosition]),
    [
      ["220% 100%", "0% 0%"],
      ["220% 100%", "100% 0%"],
    ],
  );
  assert.equal(one.all("figcaption")[1].textContent, "<b>kept</b>");
  one.end();
  assert.equal(held.size, before);
});

const PAGE = {
  about: "blocks.1",
  modes: [["here", "Here", ""]],
  look: { mode: "here", sort: "class", shared: false, recipe: "default", scalable: true, measured: false },
  group: [],
  mosaic: bytes(1),
  bars: [],
  sheet: { columns: 2, rows: 2, tile_height: 4, tile_width: 4, gap: 1, kind: "image/png" },
  channels: [7, 5, 9],
  words: ["channel 7", "channel 5", "channel 9"],
  ...{
    ill: [9],
    caption: "",
    note: "",
    progress: "",
    share: 0,
    begin: "",
    offer: "",
    held: "",
    on_canvas: false,
    marked: [5],
    edited: [],
  },
  ...{ channel: 5, page: 0, pages: 2, first: 0, total: 5 },
};

test("arrows choose channels and turn the page; the chosen one again lays its map on the canvas", async () => {
  const model = new Model(PAGE),
    one = view(grid.widget, model),
    list = one.find("[role=listbox]");
  await settled();
  const said = () => model.sent.splice(0).map(({ buffers: _, ...content }) => content);
  const chosen = () => one.all("[role=option]").map((tile) => tile.getAttribute("aria-selected") === "true");
  assert.deepEqual(chosen(), [false, true, false]);
  assert.ok(one.all("[role=option]")[2].classList.contains("nbviz-ill"));
  press(list, "ArrowRight");
  assert.deepEqual(said(), [{ event: "choose", channel: 9 }]);
  press(list, "Enter");
  assert.deepEqual(said(), [{ event: "canvas" }]);
  press(list, "ArrowRight");
  assert.deepEqual(said(), [{ event: "page", page: 1 }]);
  model.change({ page: 1, first: 3, channels: [2, 4], words: ["channel 2", "channel 4"], mosaic: bytes(2) });
  await settled();
  assert.deepEqual(said(), [{ event: "choose", channel: 2 }], "the first of the page that was turned to");
  press(list, "End");
  press(list, "ArrowRight");
  assert.deepEqual(said(), [{ event: "choose", channel: 4 }], "there is no page behind the last");
  assert.equal(one.find(".nbviz-tile-pager .nbviz-num").textContent, "4–5 of 5");
  one.end();
  assert.equal(model.heard, 0);
});

test("Ctrl-click and Shift-click choose channels together, as do arrows with Shift", async () => {
  const model = new Model(PAGE),
    one = view(grid.widget, model);
  await settled();
  const tiles = one.all(".nbviz-tile");
  one.find("[role=listbox]").focus();
  const click = (place, keys) => tiles[place].dispatchEvent(new MouseEvent("click", { bubbles: true, ...keys }));
  click(2, { ctrlKey: true });
  model.change({ group: [9] });
  assert.deepEqual(
    tiles.map((tile) => tile.getAttribute("aria-selected")),
    ["false", "true", "true"],
  );
  click(2, { metaKey: true });
  click(0, { shiftKey: true });
  const sent = model.sent.map(({ event, channels, on }) => [event, channels, on]);
  assert.deepEqual(sent, [
    ["gather", [9], true],
    ["gather", [9], false],
    ["gather", [7, 5, 9], true],
  ]);
  press(one.find("[role=listbox]"), "ArrowRight", { shiftKey: true });
  assert.deepEqual(model.sent.at(-1)?.channels, [7, 5], "from the tile that the keys are at");
  one.end();
});

const SWITCH = {
  channel: 3,
  group: [3],
  how: "on",
  factor: 1,
  limits: [],
  pictures: 9,
  averaged: "",
  due: false,
  averages: true,
  only: false,
  measured: [],
  largest: [],
  classes: [],
  count: 0,
  all: false,
  progress: "",
  asked: false,
};

test("a mean over the pictures can be cancelled while it is computed", async () => {
  const model = new Model(SWITCH),
    one = view((await script("switch/switch_front")).widget, model),
    cancel = one.all(".nbviz-link")[0];
  assert.equal(cancel.hidden, true);
  model.change({ averaged: "mean over 4 of 9 pictures" });
  assert.equal(cancel.hidden, false);
  cancel.click();
  assert.deepEqual(model.sent, [{ event: "cancel", buffers: [] }]);
  one.end();
});

test("a layer of single values offers no mean over places, and says why", async () => {
  const model = new Model(SWITCH),
    one = view((await script("switch/switch_front")).widget, model),
    mean = one.all("button").find(({ textContent }) => textContent === "Mean");
  assert.equal(mean.disabled, false);
  model.change({ averages: false });
  assert.equal(mean.disabled, true);
  assert.match(mean.title, /one value/);
  one.end();
});

test("a factor that no step of the slider is shown as it is, and a clamp may have one limit", async () => {
  const model = new Model({ ...SWITCH, how: "scale", factor: -7.25 }),
    one = view((await script("switch/switch_front")).widget, model);
  assert.equal(one.find(".nbviz-switch-factor").textContent, "× −7.25");
  model.change({ how: "clamp", limits: [null, 0.5] });
  const limits = one.all(".nbviz-switch-limit");
  assert.deepEqual(
    limits.map((node) => node.value),
    ["", "0.5"],
  );
  limits[1].value = "0.25";
  limits[1].dispatchEvent(new Event("change"));
  assert.deepEqual(model.sent, [{ event: "clamp", low: null, high: 0.25, buffers: [] }]);
  one.end();
});

test("what Measure was asked for is brought into view until it is there, and later answers are not", async () => {
  const model = new Model(SWITCH),
    one = view((await script("switch/switch_front")).widget, model);
  let scrolls = 0;
  one.root.scrollIntoView = () => {
    scrolls += 1;
  };
  model.set("progress", "1 % measured");
  assert.equal(scrolls, 0, "nobody asked");
  one
    .all("button")
    .find((node) => node.textContent === "Measure")
    .click();
  assert.equal(model.sent.at(-1).event, "measure");
  model.set("progress", "2 % measured");
  model.change({ progress: "", classes: [["lynx", "+1.3", 1, false]], count: 1 });
  assert.ok(scrolls > 0);
  const before = scrolls;
  model.set("classes", [["cat", "−1.3", -1, true]]);
  assert.equal(scrolls, before, "the same of another channel stays where it is");
  one.end();
});

test("the classes over labelled pictures are brought into view once they are there", async () => {
  const traits = { shown: true, labelled: 8, asked: [], curve: {}, words: [], classes: [], over: "", progress: "" };
  const model = new Model(traits),
    one = view((await script("channels/class_need")).widget, model);
  const scrolled = [];
  for (const node of [one.root, ...one.all("*")]) node.scrollIntoView = () => scrolled.push(node);
  const rows = [["lynx", "−0.50", "−0.70 … −0.30", "+0.10", "90 % → 80 %", 4, true]];
  model.change({ classes: rows, over: "without channel 3" });
  assert.deepEqual(scrolled, [], "nobody asked");
  model.change({ classes: [], over: "" });
  one
    .all("button")
    .find((node) => node.textContent === "Over labelled pictures")
    .click();
  scrolled.length = 0;
  model.change({ classes: rows, over: "without channel 3" });
  assert.ok(scrolled.at(-1)?.contains(one.find(".nbviz-need-classes")));
  one.end();
  assert.equal(model.heard, 0);
});
