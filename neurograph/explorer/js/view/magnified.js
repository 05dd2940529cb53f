// One map with cells of 24 pixels and more, each a target for finger or pointer, with its states.
import { largest } from "./colours.js";
import { make, number, press } from "./elements.js";
import { listenForKeys } from "./keys.js";
import { pictured } from "./layout.js";

const SMALLEST = 24;
const LARGEST = 72;
const WITH_NUMBERS = 38; // pixels of a cell from which its state is written in it

export class Magnified {
  constructor(explorer) {
    this.explorer = explorer;
    this.canvas = make("canvas", { tabIndex: 0, role: "application",
      "aria-roledescription": explorer.text("picture.role"),
      "aria-label": explorer.text("magnified.label") });
    this.frame = make("div", { className: "magnified-frame" }, this.canvas);
    this.layers = make("select", { "aria-label": explorer.text("magnified.layer"),
      onchange: () => this.opened(Number(this.layers.value)) });
    this.maps = make("select", { "aria-label": explorer.text("magnified.map"),
      onchange: () => explorer.openMap(Number(this.maps.value)) });
    this.before = press("‹", () => this.turned(-1), { "aria-label": explorer.text("map.before") });
    this.after = press("›", () => this.turned(1), { "aria-label": explorer.text("map.after") });
    this.title = make("h2", { textContent: explorer.text("magnified.title") });
    const head = make("div", { className: "bar" }, this.title, this.layers, this.before, this.maps,
      this.after);
    this.element = make("section", { className: "magnified", "aria-label":
      explorer.text("magnified.title") }, head, this.frame);
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    listenForKeys(this.canvas, explorer);
    new ResizeObserver(() => this.update(new Set(["choice"]))).observe(this.frame);
  }

  opened(index) {
    this.explorer.openLayer(index);
  }

  turned(step) {
    const [maps] = this.shape();
    this.explorer.openMap((this.explorer.map + step + maps) % maps);
  }

  layer() {
    return this.explorer.network.layers[this.explorer.layer];
  }

  shape() {
    return pictured(this.layer());
  }

  update(changes) {
    if (changes.has("choice") || changes.has("network") || !this.laid) this.lay();
    if (["states", "choice", "theme", "network"].some((c) => changes.has(c))) this.draw();
    if (changes.has("choice")) this.scrolled();
  }

  lay() {
    const [maps, rows, columns] = this.shape();
    const { clientWidth: width, clientHeight: height } = this.frame;
    const room = Math.min((width - 4) / columns, (height - 4) / rows);
    this.cell = Math.floor(Math.max(SMALLEST, Math.min(LARGEST, room)));
    this.ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const size = [columns * this.cell + 1, rows * this.cell + 1];
    if (String(size) !== String(this.laid)) {
      [this.canvas.width, this.canvas.height] = size.map((s) => Math.round(s * this.ratio));
      Object.assign(this.canvas.style, { width: `${size[0]}px`, height: `${size[1]}px` });
      this.laid = size;
    }
    this.offered(maps);
  }

  offered(maps) {
    const { explorer } = this;
    const names = explorer.network.layers.map((layer) => layer.name);
    if (String(names) !== this.names) {
      this.names = String(names);
      this.layers.replaceChildren(...names.map((name, i) =>
        make("option", { value: i, textContent: name })));
    }
    this.layers.value = explorer.layer;
    if (this.maps.length !== maps) {
      this.maps.replaceChildren(...Array.from({ length: maps }, (_, i) =>
        make("option", { value: i, textContent: explorer.text("map.name", { i: String(i) }) })));
    }
    this.maps.value = explorer.map;
    for (const control of [this.before, this.maps, this.after]) control.hidden = maps < 2;
  }

  first() {
    const [, rows, columns] = this.shape();
    return this.explorer.map * rows * columns;
  }

  // The neuron at a position of this map, -1 if there is none.
  neuronAt(at) {
    return this.explorer.network.ids(this.explorer.layer)[this.first() + at] ?? -1;
  }

  draw() {
    const { explorer, cell } = this;
    const [, rows, columns] = this.shape();
    const context = this.canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, ...this.laid);
    const top = largest(explorer.states, explorer.network.ids(explorer.layer));
    context.font = `${Math.max(10, Math.round(cell / 4.2))}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let at = 0; at < rows * columns; at++) {
      const id = this.neuronAt(at);
      if (id >= 0) this.drawCell(context, id, at, columns, top);
    }
    this.marked(context, rows * columns, columns);
  }

  drawCell(context, id, at, columns, top) {
    const { scale, states } = this.explorer;
    const x = (at % columns) * this.cell;
    const y = Math.floor(at / columns) * this.cell;
    context.fillStyle = scale.css(states[id], top);
    context.fillRect(x, y, this.cell, this.cell);
    context.strokeStyle = scale.ink.line;
    context.lineWidth = 0.5;
    context.strokeRect(x + 0.5, y + 0.5, this.cell, this.cell);
    if (this.cell < WITH_NUMBERS) return;
    context.fillStyle = scale.over(states[id], top);
    context.fillText(number(states[id], 2), x + this.cell / 2, y + this.cell / 2);
  }

  // In this map: what the choice reads, feeds or uses, and the chosen neuron itself.
  marked(context, size, columns) {
    const { explorer } = this;
    const { ink } = explorer.scale;
    const { layer, position } = explorer.network.places;
    const first = this.first();
    for (const [ids, colour, width] of explorer.marks(ink)) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      for (const id of ids) {
        const at = position[id] - first;
        if (layer[id] !== explorer.layer || at < 0 || at >= size) continue;
        context.rect((at % columns) * this.cell + 1.5,
          Math.floor(at / columns) * this.cell + 1.5, this.cell - 2, this.cell - 2);
      }
      context.stroke();
    }
  }

  scrolled() {
    const { neuron, network } = this.explorer;
    const shown = `${this.explorer.layer} ${this.explorer.map}`;
    const turned = shown !== this.shown;
    this.shown = shown;
    if (neuron === null) {
      if (!turned) return;
      this.frame.scrollLeft = (this.laid[0] - this.frame.clientWidth) / 2;
      this.frame.scrollTop = (this.laid[1] - this.frame.clientHeight) / 2;
      return;
    }
    const [, , columns] = this.shape();
    const at = network.locate(neuron).position - this.first();
    const x = (at % columns) * this.cell;
    const y = Math.floor(at / columns) * this.cell;
    const { frame, cell } = this;
    const { scrollLeft: left, scrollTop: top, clientWidth: width, clientHeight: height } = frame;
    if (x < left || x + cell > left + width) frame.scrollLeft = x - (width - cell) / 2;
    if (y < top || y + cell > top + height) frame.scrollTop = y - (height - cell) / 2;
  }

  clicked(event) {
    const box = this.canvas.getBoundingClientRect();
    const [, rows, columns] = this.shape();
    const across = Math.floor((event.clientX - box.left) / this.cell);
    const down = Math.floor((event.clientY - box.top) / this.cell);
    if (across < 0 || down < 0 || across >= columns || down >= rows) return;
    const id = this.neuronAt(down * columns + across);
    if (id >= 0) this.explorer.choose(id);
  }
}
