import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, held, Model, press, script, settled, view } from "./widget.mjs";

const audit = await script("audit/audit_front");
const TRAITS = {
  question: ["It says ", ["<b>coat</b>", "strong"], " (93 %)."],
  answers: [
    ["no", "No", "ArrowLeft", "left"],
    ["can't tell", "Can't tell", "ArrowDown", "down"],
    ["yes", "Yes", "ArrowRight", "right"],
  ],
  ...{ place: 1, replies: ["no", "", ""], caption: "Item 7", seen: bytes(1), map: bytes(2), figures: [], signed: "" },
};
const sent = (model) => model.sent.map(({ buffers: _, ...content }) => content);

test("arrows answer with one hand, the one up goes back, and names are text", async () => {
  const model = new Model(TRAITS),
    before = held.size,
    one = view(audit.widget, model);
  await settled();
  const desk = one.find(".nbviz-audit-desk");
  assert.ok(desk.textContent.includes("It says <b>coat</b>") && desk.textContent.includes("2 of 3 · 1 answered"));
  assert.deepEqual(
    one.all("img").map((image) => image.alt),
    ["Item 7 (what it sees)", "Item 7 (what it looks at)"],
  );
  for (const key of ["ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp"]) press(desk, key);
  one.all(".nbviz-audit-answers button")[2].click();
  assert.deepEqual(sent(model), [
    { event: "answer", answer: "no" },
    { event: "answer", answer: "can't tell" },
    { event: "answer", answer: "yes" },
    { event: "go", step: -1 },
    { event: "answer", answer: "yes" },
  ]);
  one.end();
  assert.equal(held.size, before);
});

test("nothing is answered before there is a picture, and the end can be signed", () => {
  const model = new Model({ ...TRAITS, place: 0, seen: bytes(), map: bytes() }),
    one = view(audit.widget, model);
  press(one.find(".nbviz-audit-desk"), "ArrowRight");
  const buttons = one.all(".nbviz-audit-answers button");
  assert.ok(sent(model).length === 0 && buttons.every((node) => node.disabled));
  assert.equal(buttons[0].getAttribute("aria-pressed"), "true");
  const sign = one.find(".nbviz-audit-end button");
  assert.ok(sign.parentElement.hidden);
  model.change({ figures: ["All answered."] });
  sign.click();
  assert.deepEqual(sent(model), [{ event: "sign" }]);
  one.end();
});
