import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, Model, press, script, view } from "./widget.mjs";

const { nested, keepMatches, visibleRows, widget } = await script("layers/tree_rows", "layers/layer_tree");
const row = (name, depth, kind, kids = false, called = true) => ({
  name,
  text: name.split(".").at(-1),
  kind,
  shape: "8×4×4",
  depth,
  kids,
  called,
  tip: `${kind} of ${name}\nsecond line`,
});
const ROWS = [
  row("stem", 0, "Conv2d"),
  row("blocks", 0, "Sequential", true),
  row("blocks.0", 1, "Block", true),
  row("blocks.0.conv", 2, "Conv2d"),
  row("blocks.1", 1, "Block"),
  row("head", 0, "Linear", false, false),
];
const names = (items) => items.map((item) => item.row.name);

test("rows in preorder know what they are in", () => {
  const items = nested(ROWS);
  assert.deepEqual(names(items[1].children), ["blocks.0", "blocks.1"]);
  assert.equal(items[3].parent, items[2]);
  assert.equal(items[5].parent, null);
});

test("a filter keeps what holds every word, and what that is in", () => {
  const items = nested(ROWS);
  assert.ok(keepMatches(items, " conv2d  blocks "));
  assert.deepEqual(names(items.filter((item) => item.hit)), ["blocks.0.conv"]);
  assert.deepEqual(names(items.filter((item) => item.kept)), ["blocks", "blocks.0", "blocks.0.conv"]);
  assert.ok(keepMatches(items, "8x4"), "x is typed for ×");
  assert.equal(items.filter((item) => item.hit).length, ROWS.length);
  assert.ok(keepMatches(items, "second"));
  assert.equal(items.filter((item) => item.kept).length, 0, "only the first line of a tip is searched");
  assert.equal(keepMatches(items, "  "), false);
  assert.equal(items.filter((item) => item.kept).length, ROWS.length);
});

test("what is inside a folded row is not visible", () => {
  const items = nested(ROWS);
  assert.deepEqual(names(visibleRows(items, () => false)), ["stem", "blocks", "head"]);
  const open = (item) => item.row.name === "blocks";
  assert.deepEqual(names(visibleRows(items, open)), ["stem", "blocks", "blocks.0", "blocks.1", "head"]);
});

const TRAITS = {
  rows: ROWS,
  selected: "blocks.0.conv",
  captions: ROWS.map(() => ""),
  ill: {},
  edited: [],
  target: "",
  sprite: bytes(),
};

test("the selected layer is unfolded to; arrows fold, choose and never choose a layer that is not called", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1000 });
  const model = new Model(TRAITS),
    one = view(widget, model);
  const item = (name) =>
    one.all("[role=treeitem]").find((node) => node.querySelector(".nbviz-row").title.includes(` of ${name}\n`));
  assert.equal(item("blocks").getAttribute("aria-expanded"), "true");
  assert.equal(item("blocks.0").getAttribute("aria-posinset"), "1");
  assert.equal(item("blocks.0").getAttribute("aria-setsize"), "2");
  press(item("blocks.0.conv"), "ArrowLeft");
  t.mock.timers.tick(60);
  assert.equal(model.sent.at(-1).layer, "blocks.0");
  press(document.activeElement, "ArrowLeft");
  assert.equal(item("blocks.0").getAttribute("aria-expanded"), "false");
  press(document.activeElement, "End");
  t.mock.timers.tick(60);
  assert.equal(document.activeElement, item("head"));
  assert.equal(model.sent.at(-1).layer, "blocks.0");
  assert.equal(one.find("p[role=status]").textContent, "head is never called, so it has no output");
  one.end();
  assert.equal(model.heard, 0);
});

test("a filter that matches nothing says so, and Escape takes it back", () => {
  const one = view(widget, new Model(TRAITS)),
    input = one.find("input");
  input.value = "attention";
  input.dispatchEvent(new Event("input"));
  assert.equal(one.find("p[role=status]").textContent, "no layer matches “attention”");
  press(input, "Escape");
  assert.equal(input.value, "");
  assert.equal(one.all("[role=treeitem]").filter((node) => node.hidden).length, 0);
  one.end();
});
