// The samples that came with the page, and which input is drawn where there are several.
import { labelled, make } from "./elements.js";
import { asPicture } from "./ink.js";
import { pictured } from "./layout.js";
import { Pad } from "./pad.js";

export class InputPart {
  constructor(explorer) {
    this.explorer = explorer;
    this.pad = new Pad(explorer);
    this.buttons = explorer.samples.labels.map((label, i) => this.button(label, i));
    const samples = make("div", { className: "samples", role: "group",
      "aria-label": explorer.text("samples.title") }, ...this.buttons);
    this.element = make("section", { className: "input-part",
      "aria-label": explorer.text("input.title") },
    make("h2", { textContent: explorer.text("input.title") }), this.sources(), this.pad.element,
    this.buttons.length ? samples : null);
    this.update(new Set(["input"]));
  }

  sources() {
    const { explorer } = this;
    const { inputs, layers } = explorer.network;
    if (inputs.length < 2) return null;
    const select = make("select", { onchange: () => {
      explorer.source = Number(select.value);
      explorer.told("input");
    } }, ...inputs.map((layer, i) =>
      make("option", { value: i, textContent: layers[layer].name })));
    return labelled(explorer.text("input.which"), select);
  }

  button(label, i) {
    const { explorer } = this;
    const text = label || String(i);
    return make("button", { type: "button", "aria-pressed": "false",
      "aria-label": explorer.text("sample.label", { i: String(i), label: text }), title: text,
      onclick: () => explorer.chooseSample(i) }, this.thumbnail(i));
  }

  thumbnail(i) {
    const { samples, network } = this.explorer;
    const [maps, rows, columns] = pictured(network.layers[network.inputs[0]]);
    const canvas = make("canvas", { width: columns, height: rows });
    const values = new Float64Array(maps * rows * columns);
    values.set(samples.inputs[i][0]);
    const picture = asPicture(values, maps, rows, columns, samples.ranges[0]);
    canvas.getContext("2d").putImageData(picture, 0, 0);
    return canvas;
  }

  update(changes) {
    if (!changes.has("input")) return;
    this.pad.update(changes);
    this.buttons.forEach((button, i) => {
      button.setAttribute("aria-pressed", String(this.explorer.sample === i));
    });
  }
}
