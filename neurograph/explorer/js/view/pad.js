// Draw an input by pointer, touch or keys; load a picture; clear.
import { make, press } from "./elements.js";
import { asPicture, asStates, inked } from "./ink.js";
import { pictured } from "./layout.js";

const SIZE = 224; // points of the paper's longer side
const PEN = 18; // points of the pen
const STEP = 8; // points that a key moves the pen

export class Pad {
  constructor(explorer) {
    this.explorer = explorer;
    this.down = false;
    this.canvas = make("canvas", { className: "pad", tabIndex: 0, role: "application",
      "aria-roledescription": explorer.text("pad.role"),
      "aria-label": explorer.text("pad.label") });
    this.pen = make("i", { className: "pen", "aria-hidden": "true" });
    this.colour = make("input", { type: "color", value: "#ffffff" });
    this.centre = make("input", { type: "checkbox", checked: true,
      onchange: () => this.seen() });
    this.file = make("input", { type: "file", accept: "image/*",
      onchange: () => this.loaded(this.file.files[0]) });
    this.message = make("p", { role: "status", className: "note" });
    this.element = make("div", { className: "pad-part" },
      make("div", { className: "paper" }, this.canvas, this.pen), this.controls(), this.message);
    this.listen();
    this.update(new Set(["input"]));
  }

  controls() {
    const { explorer } = this;
    const label = (text, control) => make("label", { className: "check" }, control, text);
    this.centring = label(explorer.text("pad.centre"), this.centre);
    this.colouring = label(explorer.text("pad.colour"), this.colour);
    const file = make("label", { className: "file" }, explorer.text("pad.load"), this.file);
    return make("div", { className: "controls" },
      make("div", { className: "bar" }, press(explorer.text("pad.clear"), () => this.clear()),
        press(explorer.text("pad.invert"), () => this.invert()), file),
      this.centring, this.colouring);
  }

  get shape() {
    const { network, source } = this.explorer;
    return pictured(network.layers[network.inputs[source]]);
  }

  get range() {
    const [low, high] = this.explorer.samples.ranges[this.explorer.source] ?? [0, 1];
    return low < high ? [low, high] : [0, 1];
  }

  // Paper in the input's proportions, with what the network sees now on it.
  update(changes) {
    if (!changes.has("input") || this.drawing) return;
    const [maps, rows, columns] = this.shape;
    const longer = Math.max(rows, columns);
    this.canvas.width = Math.max(8, Math.round(SIZE * columns / longer));
    this.canvas.height = Math.max(8, Math.round(SIZE * rows / longer));
    this.centring.hidden = maps === 3 || Math.min(rows, columns) < 20;
    this.colouring.hidden = maps !== 3;
    const values = this.explorer.inputs[this.explorer.source];
    const small = new OffscreenCanvas(columns, rows);
    const padded = new Float64Array(maps * rows * columns).fill(this.range[0]);
    padded.set(values);
    small.getContext("2d").putImageData(asPicture(padded, maps, rows, columns, this.range), 0, 0);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
    this.place ??= [this.canvas.width / 2, this.canvas.height / 2];
  }

  get context() {
    return this.canvas.getContext("2d", { willReadFrequently: true });
  }

  // The network sees what is on the paper.
  seen() {
    const [maps, rows, columns] = this.shape;
    const centre = this.centre.checked && !this.centring.hidden;
    const data = inked(this.canvas, columns, rows, centre);
    const { explorer } = this;
    const { size } = explorer.network.layers[explorer.network.inputs[explorer.source]];
    this.drawing = true; // and the paper stays as it was drawn
    explorer.feed(asStates(data, maps, rows * columns, this.range).slice(0, size));
    this.drawing = false;
  }

  clear() {
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.seen();
  }

  invert() {
    const picture = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    for (let i = 0; i < picture.data.length; i++) {
      if (i % 4 < 3) picture.data[i] = 255 - picture.data[i];
    }
    this.context.putImageData(picture, 0, 0);
    this.seen();
  }

  async loaded(file) {
    if (!file) return;
    this.file.value = "";
    try {
      const picture = await createImageBitmap(file);
      const { width, height } = this.canvas;
      const factor = Math.max(width / picture.width, height / picture.height);
      const [w, h] = [picture.width * factor, picture.height * factor];
      this.context.fillStyle = "#000";
      this.context.fillRect(0, 0, width, height);
      this.context.imageSmoothingEnabled = true;
      this.context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
      this.seen();
      this.message.textContent = this.explorer.text("pad.loaded", { name: file.name });
    } catch {
      this.message.textContent = this.explorer.text("pad.unreadable", { name: file.name });
    }
  }

  // ---- the pen

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.down = true;
      try {
        canvas.setPointerCapture(event.pointerId);
      } catch { /* a pointer that a test made up */ }
      this.moved(this.under(event), false);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.down && event.buttons) this.moved(this.under(event), true);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { this.down = false; });
    }
    canvas.addEventListener("keydown", (event) => this.keyed(event));
    canvas.addEventListener("blur", () => { this.down = false; this.pen.hidden = true; });
    canvas.addEventListener("focus", () => this.showPen());
    this.pen.hidden = true;
  }

  under(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.canvas.width / box.width,
      (event.clientY - box.top) * this.canvas.height / box.height];
  }

  moved(place, drawn) {
    const { context } = this;
    context.lineWidth = PEN;
    context.fillStyle = context.strokeStyle = this.shape[0] === 3 ? this.colour.value : "#fff";
    context.beginPath();
    if (drawn) context.moveTo(...this.place);
    context.lineTo(...place);
    context.stroke();
    context.beginPath(); // a line's round end, and a point where the pen has not moved
    context.arc(...place, PEN / 2, 0, 2 * Math.PI);
    context.fill();
    this.place = place;
    this.showPen();
    this.seen();
  }

  keyed(event) {
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP],
      ArrowDown: [0, STEP] };
    if (event.key === " " || event.key === "Enter") {
      this.down = !this.down;
      this.message.textContent = this.explorer.text(this.down ? "pad.down" : "pad.up");
      if (this.down) this.moved(this.place, false);
    } else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (steps[event.key]) this.stepped(steps[event.key]);
    else return;
    event.preventDefault();
  }

  stepped([dx, dy]) {
    const place = [Math.max(0, Math.min(this.canvas.width, this.place[0] + dx)),
      Math.max(0, Math.min(this.canvas.height, this.place[1] + dy))];
    if (this.down) this.moved(place, true);
    else this.place = place;
    this.showPen();
  }

  showPen() {
    this.pen.hidden = document.activeElement !== this.canvas;
    this.pen.classList.toggle("down", this.down);
    this.pen.style.left = `${100 * this.place[0] / this.canvas.width}%`;
    this.pen.style.top = `${100 * this.place[1] / this.canvas.height}%`;
  }
}
