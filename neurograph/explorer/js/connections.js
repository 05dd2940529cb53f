// The connections of a network in normal form, neuron -> (field, kernel, bias): looked up both ways.
import { inverted, rowOf } from "./columns.js";

const BIAS_UNIT = 0;

export class Connections {
  #found = new Map(); // what is worked out when it is first asked for

  constructor(payload) {
    for (const name of ["field", "kernel", "bias", "function", "level", "fields", "kernels"]) {
      this[name] = payload[name];
    }
    this.size = payload.size;
    this.constants = payload.constants;
    this.outputs = payload.outputs;
    this.weights = payload.values.length;
  }

  once(what, work) {
    if (!this.#found.has(what)) this.#found.set(what, work());
    return this.#found.get(what);
  }

  has(what) {
    return this.#found.has(what);
  }

  // Call visit(source, weight, target) for every connection into a neuron, slots in order, the
  // bias last.
  eachIncoming(neuron, visit) {
    const f = this.field[neuron];
    if (f >= 0) {
      const at = this.fields.ptr[f];
      const row = this.kernels.ptr[this.kernel[neuron]] - at;
      for (let p = at; p < this.fields.ptr[f + 1]; p++) {
        const source = this.fields.ids[p];
        const weight = this.kernels.ids[row + p];
        if (source >= 0 && weight >= 0) visit(source, weight, neuron);
      }
    }
    if (this.bias[neuron] >= 0) visit(BIAS_UNIT, this.bias[neuron], neuron);
  }

  incoming(neuron) {
    const sources = [];
    const weights = [];
    this.eachIncoming(neuron, (source, weight) => {
      sources.push(source);
      weights.push(weight);
    });
    return { sources: Int32Array.from(sources), weights: Int32Array.from(weights) };
  }

  outgoing(neuron) {
    const weights = [];
    const targets = [];
    this.eachOutgoing(neuron, (weight, target) => {
      weights.push(weight);
      targets.push(target);
    });
    return { targets: Int32Array.from(targets), weights: Int32Array.from(weights) };
  }

  // Call visit(weight, target) for every connection out of a neuron.
  eachOutgoing(neuron, visit) {
    const { fields, kernels, kernel } = this;
    const bySource = this.once("by source", () => inverted(fields.ids, this.size));
    const byField = this.once("by field", () => inverted(this.field, fields.ptr.length - 1));
    for (let i = bySource.ptr[neuron]; i < bySource.ptr[neuron + 1]; i++) {
      const f = rowOf(fields.ptr, bySource.places[i]);
      const slot = bySource.places[i] - fields.ptr[f];
      for (let j = byField.ptr[f]; j < byField.ptr[f + 1]; j++) {
        const target = byField.places[j];
        const weight = kernels.ids[kernels.ptr[kernel[target]] + slot];
        if (weight >= 0) visit(weight, target);
      }
    }
    if (neuron === BIAS_UNIT) this.bias.forEach((w, target) => w >= 0 && visit(w, target));
  }

  // Return every connection that uses a weight.
  uses(weight) {
    const { fields, kernels, field } = this;
    const byWeight = this.once("by weight", () => inverted(kernels.ids, this.weights));
    const byKernel = this.once("by kernel", () => inverted(this.kernel, kernels.ptr.length - 1));
    const byBias = this.once("by bias", () => inverted(this.bias, this.weights));
    const sources = [];
    const targets = [];
    for (let i = byWeight.ptr[weight]; i < byWeight.ptr[weight + 1]; i++) {
      const k = rowOf(kernels.ptr, byWeight.places[i]);
      const slot = byWeight.places[i] - kernels.ptr[k];
      for (let j = byKernel.ptr[k]; j < byKernel.ptr[k + 1]; j++) {
        const target = byKernel.places[j];
        const source = fields.ids[fields.ptr[field[target]] + slot];
        if (source >= 0) {
          sources.push(source);
          targets.push(target);
        }
      }
    }
    for (let i = byBias.ptr[weight]; i < byBias.ptr[weight + 1]; i++) {
      sources.push(BIAS_UNIT);
      targets.push(byBias.places[i]);
    }
    return { sources: Int32Array.from(sources), targets: Int32Array.from(targets) };
  }

  // Return all that a neuron or several read, directly or through others, and they; ascending.
  seen(neurons) {
    return this.#walk(neurons, (v, go) => this.eachIncoming(v, (source) => go(source)));
  }

  // Return all that a neuron or several feed, directly or through others, and they; ascending.
  fed(neurons) {
    return this.#walk(neurons, (v, go) => this.eachOutgoing(v, (_, target) => go(target)));
  }

  #walk(neurons, each) {
    const front = typeof neurons === "number" ? [neurons] : [...neurons];
    const met = new Uint8Array(this.size);
    for (const { id } of this.constants) met[id] = 2; // where no path goes on
    const queue = front.filter((v) => v >= 0 && !met[v]);
    for (const v of queue) met[v] = 1;
    const go = (v) => {
      if (!met[v]) {
        met[v] = 1;
        queue.push(v);
      }
    };
    for (let i = 0; i < queue.length; i++) each(queue[i], go);
    return Int32Array.from(queue).sort();
  }

  // Return the inputs that a neuron can see.
  receptive(neuron) {
    return this.seen(neuron).filter((v) => this.function[v] < 0);
  }

  // Return the outputs that a neuron reaches; of one itself, that.
  projective(neuron) {
    const reached = new Set(this.fed(neuron));
    return this.outputs.filter((v) => reached.has(v));
  }
}
