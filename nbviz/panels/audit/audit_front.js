// An audit: a picture and its map, one question, three answers. Arrows answer with one hand, the one up goes back.
/**
 * Synced traits of `audit_front.AuditFront`.
 * @typedef {Front & {
 *   question: Runs,
 *   answers: [string, string, string, string][],
 *   place: number,
 *   replies: string[],
 *   caption: string,
 *   seen: DataView,
 *   map: DataView,
 *   figures: Runs,
 *   signed: string,
 * }} AuditFrontTraits
 */

export default {
  /** @param {View<AuditFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-audit");
    const question = set(el("p", "nbviz-audit-question"), { "aria-live": "polite" });
    life.watch("question", () => runs(question, model.get("question")));
    const group = set(focusable(el("div", "nbviz-audit-desk")), { tabindex: 0, role: "group", "aria-label": "Audit" });
    group.append(
      auditProgress(model, life),
      question,
      el("div", "nbviz-audit-pictures", auditPicture(model, life, "seen"), auditPicture(model, life, "map")),
      drawState(model, el("div"), life),
      auditAnswers(model, life),
      auditEnd(model, life),
    );
    /** @type {Record<string, () => void>} */
    const keys = { ArrowUp: () => model.send({ event: "go", step: -1 }) };
    for (const [answer, , key] of model.get("answers"))
      keys[key] = () => {
        if (model.get("seen").byteLength) model.send({ event: "answer", answer });
      };
    listenKeys(life, group, keys);
    root.append(group);
    whenAttached(group, life, () => group.focus({ preventScroll: true }));
    return life.end;
  },
};

/**
 * One cell per picture: answered, on show, or to come; and which number it is.
 * @param {Model<AuditFrontTraits>} model
 * @param {Life} life
 */
function auditProgress(model, life) {
  const cells = set(el("div", "nbviz-audit-cells"), { "aria-hidden": "true" }),
    words = el("span", "nbviz-note nbviz-num");
  life.watch("replies place", () => {
    const replies = model.get("replies"),
      place = model.get("place");
    cells.replaceChildren(
      ...replies.map((reply, at) =>
        set(el("span", at === place ? "nbviz-audit-here" : ""), { "data-reply": reply || null }),
      ),
    );
    words.textContent = `${place + 1} of ${replies.length} · ${replies.filter(Boolean).length} answered`;
  });
  return el("div", "nbviz-audit-progress", cells, words);
}

/**
 * @param {Model<AuditFrontTraits>} model
 * @param {Life} life
 * @param {"seen" | "map"} name
 */
function auditPicture(model, life, name) {
  const image = el("img"),
    words = name === "seen" ? "what it sees" : "what it looks at";
  decoded(model, life, name, (url) => {
    image.hidden = !url;
    if (!url) return;
    image.src = url;
    image.alt = `${model.get("caption")} (${words})`;
  });
  return el("figure", "", el("div", "nbviz-audit-picture", image), el("figcaption", "nbviz-note", words));
}

/**
 * @param {Model<AuditFrontTraits>} model
 * @param {Life} life
 */
function auditAnswers(model, life) {
  const keys = { ArrowLeft: "←", ArrowDown: "↓", ArrowRight: "→" };
  const nodes = model.get("answers").map(([answer, text, key, title]) => {
    const node = set(button(""), { title, "data-reply": answer });
    node.append(el("kbd", "", keys[/** @type {keyof typeof keys} */ (key)]), ` ${text}`);
    node.addEventListener("click", () => model.send({ event: "answer", answer }));
    return node;
  });
  const back = set(button(""), { title: "The picture before: arrow up" });
  back.append(el("kbd", "", "↑"), " Back");
  back.addEventListener("click", () => model.send({ event: "go", step: -1 }));
  life.watch("replies place seen", () => {
    const reply = model.get("replies")[model.get("place")];
    for (const node of nodes) {
      set(node, { "aria-pressed": String(node.dataset.reply === reply) });
      node.disabled = !model.get("seen").byteLength;
    }
    back.disabled = !model.get("place");
  });
  return set(el("div", "nbviz-bar nbviz-audit-answers", ...nodes, back), { role: "group", "aria-label": "Answers" });
}

/**
 * What the answers came to, and the button that signs the report.
 * @param {Model<AuditFrontTraits>} model
 * @param {Life} life
 */
function auditEnd(model, life) {
  const figures = el("p", "nbviz-caption"),
    node = set(button("Sign the report"), { title: "Writes the agreement into report.html, .json and .md" }),
    signed = set(el("span", "nbviz-caption"), { role: "status" }),
    bar = el("div", "nbviz-bar", node, signed);
  node.addEventListener("click", () => model.send({ event: "sign" }));
  life.watch("figures signed", () => {
    runs(figures, model.get("figures"));
    figures.hidden = bar.hidden = !model.get("figures").length;
    signed.textContent = model.get("signed");
  });
  return el("div", "nbviz-audit-end", figures, bar);
}
