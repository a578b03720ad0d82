// The Python that makes what is on show, behind a link that opens and closes it.

/**
 * The link, and the code that it opens.
 * @param {Model<Front & { code: string }>} model
 * @param {Life} life
 * @returns {[HTMLButtonElement, HTMLPreElement]}
 */
function asCode(model, life) {
  const link = set(button("as code", "nbviz-link"), {
      "aria-expanded": "false",
      title: "The Python that makes what is shown here",
    }),
    code = el("pre", "nbviz-code");
  code.hidden = true;
  life.watch("code", () => {
    code.textContent = model.get("code");
    link.hidden = !model.get("code");
  });
  life.listen(link, "click", () => {
    code.hidden = !code.hidden;
    set(link, { "aria-expanded": String(!code.hidden) });
  });
  return [link, code];
}
