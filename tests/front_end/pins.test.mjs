import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, script } from "./widget.mjs";

const { valueAt, mapValues, between, figure } = await script("pins/pin_values");
const MAP = { grid: [2, 2], peak: 32767, smooth: false };

test("values come back as the whole numbers they travelled as, from anywhere in a buffer", () => {
  const buffer = new Int16Array([9, -5, 32767, -32768]).buffer;
  const model = new Model({ values: new DataView(buffer, 2, 6) });
  assert.deepEqual([...mapValues(model)], [-5, 32767, -32768]);
  assert.equal(mapValues(new Model({ values: new DataView(new ArrayBuffer(0)) })), null);
});

test("a map of places has one value a place, and none where it is no number", () => {
  const values = Int16Array.from([0, 10, 20, -32768]),
    model = new Model(MAP);
  assert.equal(valueAt(values, model, [0.1, 0.9]), 10);
  assert.equal(valueAt(values, model, [0.9, 0.1]), 20);
  assert.ok(Number.isNaN(valueAt(values, model, [0.9, 0.9])));
});

test("a smooth map is interpolated between the middles of its places, as torch does it", () => {
  const values = Int16Array.from([0, 10, 20, 30]),
    model = new Model({ ...MAP, smooth: true });
  assert.equal(valueAt(values, model, [0.25, 0.25]), 0, "the middle of a place is its value");
  assert.equal(valueAt(values, model, [0.5, 0.5]), 15, "the middle of all is their mean");
  assert.equal(valueAt(values, model, [0, 1]), 10, "no value is made up beyond the outer middles");
  assert.deepEqual(between(0.5, 2), [0, 1, 0.5]);
});

test("figures are as short as they can be read", () => {
  const figures = { 0: "0", 1234.6: "1,235", "-1.5": "−1.50", 0.0123: "0.012", 0.00234: "0.0023", 0.0001: "1.0e-04" };
  for (const [value, text] of Object.entries(figures)) assert.equal(figure(Number(value)), text);
  assert.equal(figure(NaN), "not a number");
});
