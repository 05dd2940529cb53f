// Every state from the connections: neurons of one level that read one field are summed together.
import { deadRows } from "./columns.js";
import { COMBINE, REDUCE, activationOf } from "./functions.js";

export class Forward {
  constructor(network) {
    this.network = network;
    this.cut = deadRows(network.kernels);
    this.functions = network.functions.map((f) => ({
      combine: COMBINE[f.combine],
      nothing: REDUCE[f.reduce][0],
      reduce: REDUCE[f.reduce][1],
      activate: activationOf(f),
      linear: f.combine === "multiply" && f.reduce === "sum",
    }));
    // The last place is what an empty slot reads: 0, which adds nothing to a weighted sum.
    this.buffer = new Float64Array(network.size + 1);
    this.states = this.buffer.subarray(0, network.size);
    this.sources = Int32Array.from(network.fields.ids, (s) => (s < 0 ? network.size : s));
    this.#group();
    this.weigh();
  }

  // Put the neurons in an order in which those of one level and field lie side by side.
  #group() {
    const { level, field, fields, function: functions, size } = this.network;
    const units = Int32Array.from({ length: size }, (_, v) => v).filter((v) => functions[v] >= 0);
    // One number for (level, field, id): such sort many times faster than by a comparison.
    const count = fields.ptr.length;
    const keys = Float64Array.from(units, (v) => (level[v] * count + field[v] + 1) * size + v).sort();
    const order = Int32Array.from(keys, (key) => key % size);
    const starts = [];
    order.forEach((v, i) => {
      const before = order[i - 1];
      if (!i || level[v] !== level[before] || field[v] !== field[before]) starts.push(i);
    });
    this.order = order;
    this.starts = Int32Array.from([...starts, order.length]);
    let widest = 0;
    for (let f = 0; f + 1 < fields.ptr.length; f++) {
      widest = Math.max(widest, fields.ptr[f + 1] - fields.ptr[f]);
    }
    this.patch = new Float64Array(widest);
  }

  // Read the weights' values, which have changed.
  weigh() {
    const { kernels, values } = this.network;
    this.weighed ??= new Float64Array(kernels.ids.length);
    for (let q = 0; q < kernels.ids.length; q++) {
      this.weighed[q] = kernels.ids[q] < 0 ? 0 : values[kernels.ids[q]];
    }
    this.stale = false;
  }

  // Return the state of every id, in a buffer that the next call uses again.
  run(inputs) {
    if (this.stale) this.weigh();
    const { network, buffer } = this;
    for (const { id, state } of network.constants) buffer[id] = state;
    network.inputs.forEach((layer, i) => this.#give(network.layers[layer], inputs[i]));
    this.#steps();
    return this.states;
  }

  #give({ first, ids, size, name }, states) {
    if (states?.length !== size) {
      throw new Error(`${name}: found ${states?.length ?? "no"} states, needed ${size}`);
    }
    for (let at = 0; at < size; at++) {
      const id = ids ? ids[at] : first + at;
      if (id >= 0) this.buffer[id] = states[at];
    }
  }

  // Run the neurons group by group: a group's field is gathered once. One loop, since most of the
  // time of a small network goes into what is done once a neuron.
  #steps() {
    const { network, order, starts, buffer, sources, patch, functions, weighed, cut } = this;
    const { field, fields, kernel, kernels, bias, values, function: number } = network;
    for (let g = 0; g + 1 < starts.length; g++) {
      const f = field[order[starts[g]]];
      const at = f < 0 ? 0 : fields.ptr[f];
      const width = f < 0 ? 0 : fields.ptr[f + 1] - at;
      for (let s = 0; s < width; s++) patch[s] = buffer[sources[at + s]];
      for (let i = starts[g]; i < starts[g + 1]; i++) {
        const v = order[i];
        const what = functions[number[v]];
        const k = kernel[v];
        const row = k < 0 ? 0 : kernels.ptr[k];
        const whole = what.linear && (k < 0 || !cut[k]);
        let net = whole ? weightedSum(weighed, row, patch, width) : this.#reduced(what, at, row, width);
        if (bias[v] >= 0) net += values[bias[v]];
        buffer[v] = what.activate(net);
      }
    }
  }

  // Any other function, and kernels with cut slots: live slots alone, one after the other.
  #reduced(what, at, row, width) {
    const { weighed, patch } = this;
    const { fields, kernels } = this.network;
    let net = what.nothing;
    let live = Number.isFinite(net); // a maximum of nothing is no number
    for (let s = 0; s < width; s++) {
      if (fields.ids[at + s] >= 0 && kernels.ids[row + s] >= 0) {
        net = what.reduce(net, what.combine(weighed[row + s], patch[s]));
        live = true;
      }
    }
    return live ? net : NaN;
  }
}

// In four sums, which the machine can take at a time.
function weightedSum(weighed, row, patch, width) {
  let a = 0, b = 0, c = 0, d = 0, s = 0;
  for (; s + 3 < width; s += 4) {
    a += weighed[row + s] * patch[s];
    b += weighed[row + s + 1] * patch[s + 1];
    c += weighed[row + s + 2] * patch[s + 2];
    d += weighed[row + s + 3] * patch[s + 3];
  }
  for (; s < width; s++) a += weighed[row + s] * patch[s];
  return a + b + (c + d);
}
