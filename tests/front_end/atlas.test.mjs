import assert from "node:assert/strict";
import { test } from "node:test";
import { script } from "./widget.mjs";

const { regionsOf, nextCell, mapView } = await script("atlas/atlas_regions", "atlas/atlas_map");

/** Cells of a drawing: a letter is a class, a dot no class, a space no cell. */
function drawn(...rows) {
  const cells = rows.flatMap((row, at) =>
    [...row].flatMap((letter, column) => (letter === " " ? [] : [[at, column, ".abc".indexOf(letter) - 1, letter]])),
  );
  return { cells, places: new Map(cells.map(([row, column], i) => [`${row},${column}`, i])) };
}

test("regions are neighbours of one class, the largest first; cells of no class are in none", () => {
  const { cells, places } = drawn("aab", "a.b", "b b", "bb ");
  const regions = regionsOf(cells, places).map(({ index, cells: members }) => [index, members.length]);
  assert.deepEqual(regions, [
    [0, 3],
    [1, 3],
    [1, 3],
  ]);
  const inSome = new Set(regionsOf(cells, places).flatMap((region) => region.cells));
  assert.equal(inSome.size, cells.filter(([, , index]) => index >= 0).length);
});

test("the middle of a region is the cell of it that is nearest to its mean", () => {
  const { cells, places } = drawn("ccc", "ccc", "ccc");
  const [region] = regionsOf(cells, places);
  assert.deepEqual(cells[region.middle].slice(0, 2), [1, 1]);
  // a ring has its mean in the hole: the middle is on the ring all the same
  const ring = drawn("ccc", "c c", "ccc");
  const [around] = regionsOf(ring.cells, ring.places);
  assert.ok(around.cells.includes(around.middle));
});

test("arrows go to the nearest cell that way, over holes, and nowhere beyond the edge", () => {
  const { cells } = drawn("a b", "   ", "c  ");
  const at = (letter) => cells.findIndex(([, , , one]) => one === letter);
  assert.equal(nextCell(cells, at("a"), 0, 1), at("b"));
  assert.equal(nextCell(cells, at("a"), 1, 0), at("c"));
  assert.equal(nextCell(cells, at("a"), 0, -1), null);
  assert.equal(nextCell([], null, 0, 1), null);
  assert.equal(nextCell(cells, null, 0, 1), 1);
});

test("a zoom keeps what is under the pointer, and the map never leaves its canvas", () => {
  const model = { get: (name) => ({ side: 10, cells: [[5, 5]] })[name] };
  let painted = 0;
  const view = mapView(model, { clientWidth: 100 }, () => (painted += 1));
  assert.deepEqual(view.square(55, 25), [2, 5]);
  view.zoom(2, 55, 25);
  assert.deepEqual(view.square(55, 25), [2, 5]);
  assert.equal(view.step(), 20);
  view.pan(1000, 1000);
  assert.deepEqual(view.square(0, 0), [0, 0]);
  view.pan(-1000, -1000);
  assert.deepEqual(view.square(99, 99), [9, 9]);
  view.zoom(1 / 100);
  assert.equal(view.step(), 10, "never smaller than its canvas");
  view.zoom(1000);
  assert.equal(view.step(), 100, "ten times at most");
  view.reveal(0);
  const [x, y] = view.corner(0);
  assert.ok(x >= 0 && y >= 0 && x <= 0.01 && y <= 0.01);
  assert.ok(painted >= 6);
});
