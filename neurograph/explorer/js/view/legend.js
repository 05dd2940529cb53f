// What the colours mean, in numbers, for the layer that is looked at.
import { largest } from "./colours.js";
import { make, named, number } from "./elements.js";

const WIDTH = 160;
const HEIGHT = 10;

export class Legend {
  constructor(explorer) {
    this.explorer = explorer;
    this.bar = make("canvas", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
    this.name = make("span", { className: "legend-name" });
    this.low = make("span");
    this.high = make("span");
    const ends = make("span", { className: "legend-ends" }, this.low,
      make("span", { textContent: "0" }), this.high);
    this.marks = make("span", { className: "marks" });
    this.element = make("div", { className: "legend" }, this.name,
      make("span", { className: "legend-scale" }, this.bar, ends), this.marks);
    this.update(new Set(["theme", "states", "choice"]));
  }

  update(changes) {
    if (!["theme", "states", "choice", "network"].some((c) => changes.has(c))) return;
    const { explorer } = this;
    if (changes.has("theme")) explorer.scale.gradient(this.bar.getContext("2d"), WIDTH, HEIGHT);
    const layer = explorer.network.layers[explorer.layer];
    const top = largest(explorer.states, explorer.network.ids(explorer.layer));
    this.name.replaceChildren(explorer.text("legend.states"), " ", named(layer.name));
    this.low.textContent = number(-top, 2);
    this.high.textContent = `+${number(top, 2)}`;
    this.marks.replaceChildren(...this.shown().map(([kind, text]) => make("span", {},
      make("i", { className: `mark ${kind}`, "aria-hidden": "true" }), text)));
  }

  shown() {
    const { explorer } = this;
    if (explorer.weight !== null) return [["veil", explorer.text("legend.uses")]];
    if (explorer.neuron === null) return [["none", explorer.text("legend.each")]];
    if (explorer.view === "fields") {
      return [["chosen", explorer.text("legend.receptive")],
        ["target", explorer.text("legend.projective")]];
    }
    return [["above", explorer.text("legend.above")], ["below", explorer.text("legend.below")],
      ["target", explorer.text("legend.targets")]];
  }
}
