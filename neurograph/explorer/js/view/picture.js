// The whole network, map by map: states below, and above them what is chosen and its connections.
import { largest } from "./colours.js";
import { make } from "./elements.js";
import { arrange, corner, heightFor, positionAt } from "./layout.js";
import { listenForKeys } from "./keys.js";
import { drawChoice } from "./choice.js";

const ABOVE = 36; // pixels for a layer's name and shape
const BELOW = 34; // and for its counts
const NARROWEST = 56; // pixels of a layer: room for its name

export class Picture {
  constructor(explorer, captions) {
    this.explorer = explorer;
    this.captions = captions;
    this.base = make("canvas", { "aria-hidden": "true" });
    this.over = make("canvas", {
      tabIndex: 0, role: "application", className: "over",
      "aria-label": explorer.text("picture.label"),
      "aria-roledescription": explorer.text("picture.role"),
    });
    this.sheet = make("div", { className: "sheet" }, this.base, this.over, captions.element);
    this.element = make("div", { className: "picture" }, this.sheet);
    this.over.addEventListener("click", (event) => this.clicked(event));
    this.over.addEventListener("pointermove", (event) => this.hovered(event));
    this.over.addEventListener("pointerleave", () => { this.over.title = ""; });
    listenForKeys(this.over, explorer);
    new ResizeObserver(() => this.resized()).observe(this.element);
  }

  resized() {
    const width = this.element.clientWidth;
    const height = heightFor(this.explorer.network.layers, width,
      { narrowest: NARROWEST, height: this.element.clientHeight });
    const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
    if (width < 50 || height < 50) return;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio });
    this.sheet.style.height = `${height}px`;
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.arrange();
  }

  arrange() {
    const { layers } = this.explorer.network;
    const left = this.captions.margin(this.width);
    this.columns = arrange(layers, {
      width: this.width - left - this.captions.rightMargin(this.width), height: this.height,
      above: ABOVE, below: this.captions.below(this.width, BELOW), narrowest: NARROWEST,
      ratio: this.ratio,
    });
    for (const c of this.columns) {
      c.x += left;
      c.left += left;
      c.buffer = new OffscreenCanvas(c.columns, c.rows * c.maps);
      c.image = new ImageData(c.columns, c.rows * c.maps);
      c.pixels = new Uint32Array(c.image.data.buffer);
      c.ids = this.explorer.network.ids(c.index);
    }
    this.captions.place(this.columns, this.width);
    this.paint();
    this.choice();
  }

  update(changes) {
    if (!this.columns) return;
    if (changes.has("network")) this.arrange();
    else {
      if (changes.has("states") || changes.has("theme")) this.paint();
      if (changes.has("choice")) this.scrolled();
      if (changes.has("choice") || changes.has("states") || changes.has("theme")) this.choice();
    }
  }

  paint() {
    const { scale } = this.explorer;
    const context = this.base.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    context.strokeStyle = scale.ink.line;
    for (const c of this.columns) {
      this.coloured(c);
      context.imageSmoothingEnabled = c.cell < 1;
      for (let map = 0; map < c.maps; map++) this.mapPainted(context, c, map);
    }
  }

  coloured(c) {
    const { scale, states } = this.explorer;
    const top = largest(states, c.ids);
    c.pixels.fill(scale.nothing);
    for (let at = 0; at < c.layer.size; at++) {
      if (c.ids[at] >= 0) c.pixels[at] = scale.packed[scale.place(states[c.ids[at]], top)];
    }
    c.buffer.getContext("2d").putImageData(c.image, 0, 0);
  }

  mapPainted(context, c, map) {
    const x = c.x + (map % c.across) * c.mapWidth;
    const y = c.y + Math.floor(map / c.across) * c.mapHeight;
    const width = c.columns * c.cell;
    const height = c.rows * c.cell;
    context.drawImage(c.buffer, 0, map * c.rows, c.columns, c.rows, x, y, width, height);
    if (height >= 6 && width >= 3) context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
  }

  choice() {
    const context = this.over.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    drawChoice(context, this, this.explorer);
  }

  // Where a neuron's cell is: [x, y, size], or null for a constant.
  cell(id) {
    const { layer, position } = this.explorer.network.places;
    const c = this.columns[layer[id]];
    if (!c) return null;
    const [x, y] = corner(c, position[id]);
    return [x, y, c.cell];
  }

  // Shelves that do not fit are scrolled to what is chosen.
  scrolled() {
    const c = this.columns[this.explorer.layer];
    const { scrollTop, clientHeight } = this.element;
    const seen = c.top >= scrollTop && c.bottom <= scrollTop + clientHeight;
    if (this.height > clientHeight && !seen) this.element.scrollTop = c.top;
  }

  // A number of its own for every map that is drawn.
  mapKey(id) {
    const { layer, position } = this.explorer.network.places;
    const { rows, columns } = this.columns[layer[id]];
    return layer[id] * 1e6 + Math.floor(position[id] / (rows * columns));
  }

  // The neuron under a point of the picture, or null.
  hit(x, y) {
    const found = positionAt(this.columns, x, y);
    if (!found) return null;
    const id = found[0].ids[found[1]];
    return id < 0 ? null : id;
  }

  under(event) {
    const box = this.over.getBoundingClientRect();
    return this.hit(event.clientX - box.left, event.clientY - box.top);
  }

  clicked(event) {
    const neuron = this.under(event);
    if (neuron === null) this.explorer.clear();
    else this.explorer.choose(neuron);
  }

  hovered(event) {
    const neuron = this.under(event);
    this.over.title = neuron === null ? "" : this.explorer.described(neuron);
    this.over.style.cursor = neuron === null ? "default" : "pointer";
  }
}
