export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    const label = el("span", "nbviz-label", "What the network says"), said = el("span", "nbviz-said");
    label.title = "Probability (softmax of the scores) of the likeliest classes. Click a bar to explain that class.";
    root.append(label, said, drawState(model, el("div"), life));
    life.watch("said", () => { said.textContent = model.get("said"); });
    return life.end;
  },
};
