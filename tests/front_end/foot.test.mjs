import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, script, settled, view } from "./widget.mjs";

const { widget } = await script("explanation/heat_foot");
const TRAITS = {
  opacity: 0.6,
  box: false,
  clear: false,
  bar: new DataView(new ArrayBuffer(0)),
  low: "",
  high: "",
  scale: "",
  lines: [],
  done: 1,
  instead: [],
  caption: "",
};

test("a refusal offers the methods that work, each a click away, and takes them back", async () => {
  const model = new Model({ ...TRAITS, state: "refused", message: "No gradient leads to the picture." }),
    one = view(widget, model),
    root = one.root;
  const ways = root.querySelector(".nbviz-ways");
  assert.equal(ways.hidden, true);
  model.change({
    instead: [
      ["occlusion", "Occlusion"],
      ["rise", "RISE"],
    ],
  });
  assert.equal(ways.hidden, false);
  assert.equal(ways.textContent, "Draw it by Occlusion, RISE");
  const [, rise] = ways.querySelectorAll("button");
  rise.click();
  assert.deepEqual(model.sent.at(-1), { event: "method", name: "rise", buffers: [] });
  model.change({ instead: [] });
  assert.equal(ways.hidden, true);
  assert.equal(ways.textContent, "");
  await settled();
  one.end();
});
