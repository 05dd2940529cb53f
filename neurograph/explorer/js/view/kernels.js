// An array of weights as one picture: kernels side by side, dead and new weights marked.
import { largest } from "./colours.js";
import { make, number } from "./elements.js";

const WIDTH = 560; // pixels that a picture may take

export class Kernels {
  constructor(explorer, array) {
    this.explorer = explorer;
    this.array = array;
    this.measure(array.shape);
    this.canvas = make("canvas", { tabIndex: 0, role: "application", className: "kernel-picture",
      "aria-roledescription": explorer.text("kernels.role"),
      "aria-label": explorer.text("kernels.label", { name: array.name }),
      dataset: { key: `array ${array.name}` } });
    this.status = make("p", { className: "note", role: "status" });
    this.at = this.start();
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.canvas.addEventListener("keydown", (event) => this.keyed(event));
    this.canvas.addEventListener("focus", () => this.draw());
    this.canvas.addEventListener("blur", () => this.draw());
    this.element = make("div", { className: "kernel-frame" }, this.canvas, this.status);
    this.draw();
    this.say();
  }

  start() {
    const { weight, network } = this.explorer;
    const at = weight === null ? null : network.locateWeight(weight);
    return at && network.arrays[at.array] === this.array ? at.position : 0;
  }

  // Blocks of (rows, columns), `across` of them side by side. Of (maps, sources, rows, columns) a
  // column of blocks is a map, a row a source, as in the connection table.
  measure(shape) {
    const [outer, inner, rows, columns] = [1, 1, 1, 1, ...shape].slice(-4);
    this.turned = shape.length <= 4 && outer > 1;
    const blocks = shape.slice(0, -2).reduce((a, b) => a * b, 1);
    const fits = Math.max(1, Math.floor(WIDTH / (columns + 1)));
    const across = this.turned ? outer : Math.min(blocks, fits);
    const room = (WIDTH - across) / (across * columns);
    this.cell = Math.max(1, Math.min(shape.length > 2 ? 8 : 12, Math.floor(room)));
    this.gap = shape.length < 3 ? 0 : this.cell < 4 ? 1 : 2;
    Object.assign(this, { rows, columns, inner, across });
    this.down = this.turned ? inner : Math.ceil(blocks / across);
  }

  block(number) {
    if (!this.turned) return [number % this.across, Math.floor(number / this.across)];
    return [Math.floor(number / this.inner), number % this.inner];
  }

  corner(position) {
    const size = this.rows * this.columns;
    const [i, j] = this.block(Math.floor(position / size));
    const rest = position % size;
    return [i * (this.columns * this.cell + this.gap) + (rest % this.columns) * this.cell + 1,
      j * (this.rows * this.cell + this.gap) + Math.floor(rest / this.columns) * this.cell + 1];
  }

  draw() {
    const { explorer, canvas, cell } = this;
    const { network, scale } = explorer;
    canvas.width = this.across * (this.columns * cell + this.gap) + 2;
    canvas.height = this.down * (this.rows * cell + this.gap) + 2;
    const context = canvas.getContext("2d");
    const { ids } = this.array;
    const dead = network.dead();
    context.putImageData(this.picture(scale, network.values), 0, 0);
    ids.forEach((id, position) => {
      if (id < 0 || !(dead[id] || network.marked.has(id))) return;
      this.mark(context, ...this.corner(position), dead[id]);
    });
    if (document.activeElement === canvas) this.ring(context);
  }

  picture(scale, values) {
    const { ids } = this.array;
    const image = new ImageData(this.canvas.width, this.canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    const top = largest(values, ids);
    ids.forEach((id, position) => {
      if (id < 0) return;
      const [x, y] = this.corner(position);
      const colour = scale.packed[scale.place(values[id], top)];
      for (let j = y; j < y + this.cell; j++) {
        pixels.fill(colour, j * image.width + x, j * image.width + x + this.cell);
      }
    });
    return image;
  }

  mark(context, x, y, dead) {
    const { cell } = this;
    const { ink } = this.explorer.scale;
    context.strokeStyle = dead ? ink.mark : ink.target;
    context.beginPath();
    if (dead) {
      context.moveTo(x, y);
      context.lineTo(x + cell, y + cell);
      context.moveTo(x + cell, y);
      context.lineTo(x, y + cell);
    } else context.rect(x + 0.5, y + 0.5, Math.max(0.5, cell - 1), Math.max(0.5, cell - 1));
    context.stroke();
  }

  ring(context) {
    const [x, y] = this.corner(this.at);
    context.strokeStyle = this.explorer.scale.ink.mark;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y - 1, this.cell + 2, this.cell + 2);
    context.lineWidth = 1;
  }

  say() {
    const id = this.array.ids[this.at];
    const { network } = this.explorer;
    this.status.textContent = id < 0 ? this.explorer.text("kernels.absent")
      : `${network.weightName(id)} = ${number(network.values[id])}`;
  }

  clicked(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left - 1;
    const y = event.clientY - box.top - 1;
    for (let position = 0; position < this.array.ids.length; position++) {
      const [left, top] = this.corner(position);
      if (x + 1 < left || y + 1 < top || x + 1 >= left + this.cell || y + 1 >= top + this.cell) {
        continue;
      }
      if (this.array.ids[position] >= 0) this.explorer.pick(this.array.ids[position]);
      return;
    }
  }

  keyed(event) {
    const size = this.rows * this.columns;
    const down = this.rows > 1 ? this.columns : this.turned ? size : this.across * size;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: down, ArrowUp: -down, PageDown: size,
      PageUp: -size };
    if (event.key === "Enter" || event.key === " ") {
      if (this.array.ids[this.at] >= 0) this.explorer.pick(this.array.ids[this.at]);
    } else if (event.key in steps) {
      this.at = Math.max(0, Math.min(this.array.ids.length - 1, this.at + steps[event.key]));
      this.draw();
      this.say();
    } else return;
    event.preventDefault();
  }
}
