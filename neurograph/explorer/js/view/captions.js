// Above every layer its name, a button; below it its counts, as they are enumerated now.
import { make, named, whole } from "./elements.js";

const SUMMED = 900; // pixels of width from which counts stand under the layers

function changed(now, before) {
  return now === before ? "" : "change";
}

export class Captions {
  constructor(explorer) {
    this.explorer = explorer;
    this.element = make("div", { className: "captions" });
  }

  wide(width) {
    return width >= SUMMED && this.explorer.network.layers.length <= 14;
  }

  margin(width) {
    return this.wide(width) ? 84 : 0;
  }

  rightMargin(width) {
    return this.wide(width) ? 64 : 0;
  }

  below(width, height) {
    return this.wide(width) ? height : 6;
  }

  place(columns, width) {
    this.columns = columns;
    this.counted = this.wide(width);
    this.buttons = columns.map((c) => this.button(c));
    this.element.replaceChildren(...this.buttons);
    if (this.counted) this.addCounts(columns, width);
    this.update(new Set(["choice"]));
  }

  button(c) {
    const shape = c.layer.shape.join("×");
    const top = make("button", {
      type: "button", className: "caption", onclick: () => this.explorer.openLayer(c.index),
      "aria-label": this.explorer.text("caption.label", { name: c.layer.name, shape }),
      style: { left: `${c.left}px`, top: `${c.top + 2}px`, width: `${c.slot}px` },
    }, make("strong", {}, named(c.layer.name)), make("span", { textContent: shape }));
    top.title = c.layer.name;
    return top;
  }

  // Two lines under every shelf; the sums stand at the end of the last.
  addCounts(columns, width) {
    const now = this.explorer.network.counts();
    const before = this.explorer.original.counts();
    const bottoms = [...new Set(columns.map((c) => c.bottom))];
    ["parameters", "connections"].forEach((what, line) => {
      const add = (text, left, size, bottom, className) => this.element.append(make("span", {
        textContent: text, className: `count ${className}`,
        style: { left: `${left}px`, width: `${size}px`, top: `${bottom + 2 + 15 * line}px` },
      }));
      const title = this.explorer.text(`counts.${what}`);
      for (const bottom of bottoms) add(title, 8, 84, bottom, "head");
      columns.forEach((c, i) => {
        const [one, old] = [now.perLayer[i][what], before.perLayer[i]?.[what]];
        add(whole(one), c.left - 8, c.slot + 16, c.bottom, changed(one, old));
      });
      add(whole(now[what]), width - 72, 66, bottoms.at(-1), `sum ${changed(now[what],
        before[what])}`);
    });
  }

  update(changes) {
    if (!this.buttons || !changes.has("choice")) return;
    this.buttons.forEach((button, index) => {
      button.classList.toggle("chosen", index === this.explorer.layer);
    });
  }
}
