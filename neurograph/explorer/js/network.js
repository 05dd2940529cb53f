// A network in the browser: the normal form, neuron -> (field, kernel, bias, function), and
// questions about it. Ids are Python's. An edit (edits.js) gives a new Network.
import { idsOf, inverted, rowOf } from "./columns.js";
import { counted, usedWeights } from "./counts.js";
import { Forward } from "./forward.js";
import { COMBINE, REDUCE, activationOf } from "./functions.js";
import { Names, nearest } from "./names.js";
import { tableOf } from "./tables.js";

const BIAS_UNIT = 0;

export class Network {
  #cache = new Map(); // what is worked out when it is first asked for

  constructor(payload) {
    this.payload = payload;
    for (const name of ["field", "kernel", "bias", "function", "level", "fields", "kernels"]) {
      this[name] = payload[name];
    }
    this.title = payload.title;
    this.size = payload.size;
    this.functions = payload.functions;
    this.constants = payload.constants;
    this.inputs = payload.inputs;
    this.outputs = payload.outputs;
    this.penalties = payload.penalties;
    this.values = payload.values;
    this.hasValues = payload.hasValues;
    this.trainable = payload.trainable;
    this.marked = payload.marked;
    this.weights = payload.values.length;
    this.neurons = payload.size - payload.constants.length;
    this.arrays = payload.arrays.map((array) => this.#array(array));
    this.layers = payload.layers.map((layer, at) => this.#layer(layer, at));
  }

  // Return a network with other columns, as an edit has them.
  with(changes) {
    const own = { values: this.values.slice(), marked: new Set(this.marked) };
    return new Network({ ...this.payload, ...own, ...changes });
  }

  #array({ name, shape, first, ids }) {
    const network = this;
    return {
      name,
      shape,
      first,
      get ids() {
        return network.#once(`array ${name}`, () => idsOf({ shape, first, ids }));
      },
      get trainable() {
        return this.ids.some((w) => w >= 0 && network.trainable[w] === 1);
      },
    };
  }

  // name, type (the class that wired it), kind ("input" or "units"); ids of its neurons by
  // position (first + position where `ids` is null); what they compute, of the first; feature maps.
  #layer(layer, at) {
    const network = this;
    const { shape, first, ids } = layer;
    const input = this.inputs.includes(at);
    const one = first >= 0 ? first : (ids.find((v) => v >= 0) ?? -1);
    const { combine = null, reduce = null, activation = null, parameters = [] } =
      this.functions[one < 0 ? -1 : this.function[one]] ?? {};
    return {
      ...layer,
      kind: input ? "input" : "units",
      size: shape.reduce((a, b) => a * b, 1),
      maps: shape.length ? shape[0] : 1,
      combine, reduce, activation, parameters,
      get trainable() {
        return network.arrays.some((a) => layer.arrays.includes(a.name) && a.trainable);
      },
      get table() {
        return network.#once(`table ${at}`, () => (input ? null : tableOf(network, at)));
      },
    };
  }

  #once(what, work) {
    if (!this.#cache.has(what)) this.#cache.set(what, work());
    return this.#cache.get(what);
  }

  // Return the ids of a layer's neurons, in order of position, -1 where one is absent.
  ids(layer) {
    return this.#once(`layer ${layer}`, () => idsOf(this.layers[layer]));
  }

  // ---- running ------------------------------------------------------------------------------

  get #forward() {
    return this.#once("forward", () => new Forward(this));
  }

  // Return the state of every id for the states of each input; the buffer is used again.
  forward(inputs) {
    return this.#forward.run(inputs);
  }

  // Return the place among the outputs of the one that wins: smallest penalty, largest score.
  decide(states) {
    let best = -1;
    this.outputs.forEach((v, place) => {
      const better = this.penalties
        ? states[v] < states[this.outputs[best]] : states[v] > states[this.outputs[best]];
      if (v >= 0 && (best < 0 || better)) best = place;
    });
    return best;
  }

  setValue(weight, value) {
    if (!Number.isFinite(value)) throw new Error("a weight's value is a finite number");
    this.values[weight] = value;
    if (this.#cache.has("forward")) this.#forward.stale = true;
  }

  // ---- connections --------------------------------------------------------------------------

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
    const bySource = this.#once("by source", () => inverted(fields.ids, this.size));
    const byField = this.#once("by field", () => inverted(this.field, fields.ptr.length - 1));
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
    const byWeight = this.#once("by weight", () => inverted(kernels.ids, this.weights));
    const byKernel = this.#once("by kernel", () => inverted(this.kernel, kernels.ptr.length - 1));
    const byBias = this.#once("by bias", () => inverted(this.bias, this.weights));
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

  // Return a neuron's sum, term by term, the bias last; an input has no term, and NaN for its net.
  terms(neuron, states) {
    const { combine = null, reduce = null, activation = null, parameters = [] } =
      this.functions[this.function[neuron]] ?? {};
    const found = { combine, reduce, activation, parameters, terms: [], net: NaN };
    if (combine !== null) {
      const { sources, weights } = this.incoming(neuron);
      const slots = sources.length - (this.bias[neuron] >= 0 ? 1 : 0);
      sources.forEach((source, i) => {
        const state = states[source];
        const value = this.values[weights[i]];
        const bias = i >= slots;
        const product = bias ? value : COMBINE[combine](value, state);
        found.terms.push({ source, state, weight: weights[i], value, product, bias });
      });
      const [nothing, reduced] = REDUCE[reduce];
      found.net = found.terms.slice(0, slots).reduce((a, t) => reduced(a, t.product), nothing);
      if (!slots && !Number.isFinite(nothing)) found.net = NaN; // a maximum of nothing
      if (slots < sources.length) found.net += found.terms[slots].product;
    }
    found.state = states[neuron];
    return found;
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

  // ---- names --------------------------------------------------------------------------------

  get #neuronNames() {
    const units = this.constants.map(({ id, name }) => ({ name, shape: [], first: id, ids: null }));
    return this.#once("neuron names", () =>
      new Names([...this.layers, ...units], this.size, this.payload.labels));
  }

  get #weightNames() {
    return this.#once("weight names", () => new Names(this.arrays, this.weights));
  }

  name(neuron) {
    return this.#neuronNames.name(neuron);
  }

  weightName(weight) {
    return this.#weightNames.name(weight);
  }

  // Return {layer, position, index} of a neuron; layer is null for a constant.
  locate(neuron) {
    const { array, position, index } = this.#neuronNames.locate(neuron) ?? { array: -1 };
    const layer = array >= 0 && array < this.layers.length ? array : null;
    return { layer, position, index };
  }

  // Return, per id, the layer it stands in (other units are numbered behind the layers, -1: none)
  // and its position there.
  get places() {
    const { holder, position } = this.#neuronNames;
    return { layer: holder, position };
  }

  // Return {array (its place in `arrays`), position, index} of a weight, or null.
  locateWeight(weight) {
    return this.#weightNames.locate(weight);
  }

  // Return {neuron}, {weight} or {layer} (its place) that a text names; null if nothing is called so.
  find(text) {
    const layer = this.layers.findIndex(({ name }) => name === text.trim());
    if (layer >= 0 && this.layers[layer].shape.length) return { layer };
    const neuron = this.#neuronNames.id(text);
    if (neuron >= 0) return { neuron };
    const weight = this.#weightNames.id(text);
    return weight >= 0 ? { weight } : null;
  }

  // Return names that are like a text that nothing is called: layers, weight arrays, labels.
  suggest(text) {
    const names = [...this.layers, ...this.arrays].map(({ name }) => name);
    return nearest(text.split("[")[0], [...names, ...this.payload.labels.values()]);
  }

  // ---- counts -------------------------------------------------------------------------------

  counts() {
    return this.#once("counts", () => counted(this));
  }

  // Return, per weight, whether no connection uses it.
  dead() {
    return this.#once("dead", () => usedWeights(this).map((used) => (used ? 0 : 1)));
  }
}
