// A network in the browser: the normal form, neuron -> (field, kernel, bias, function), and
// questions about it. Ids are Python's. An edit (edits.js) gives a new Network.
import { idsOf } from "./columns.js";
import { Connections } from "./connections.js";
import { counted, usedWeights } from "./counts.js";
import { Forward } from "./forward.js";
import { COMBINE, REDUCE, activationOf } from "./functions.js";
import { Names, nearest } from "./names.js";
import { tableOf } from "./tables.js";

export class Network extends Connections {
  constructor(payload) {
    super(payload);
    this.payload = payload;
    this.title = payload.title;
    this.functions = payload.functions;
    this.inputs = payload.inputs;
    this.penalties = payload.penalties;
    this.values = payload.values;
    this.hasValues = payload.hasValues;
    this.trainable = payload.trainable;
    this.marked = payload.marked;
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
        return network.once(`array ${name}`, () => idsOf({ shape, first, ids }));
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
        return network.once(`table ${at}`, () => (input ? null : tableOf(network, at)));
      },
    };
  }

  // Return the ids of a layer's neurons, in order of position, -1 where one is absent.
  ids(layer) {
    return this.once(`layer ${layer}`, () => idsOf(this.layers[layer]));
  }

  // ---- running ------------------------------------------------------------------------------

  get #forward() {
    return this.once("forward", () => new Forward(this));
  }

  // Return the state of every id for the states of each input; the buffer is used again.
  forward(inputs) {
    return this.#forward.run(inputs);
  }

  // Return the place among the outputs of the one that wins: smallest penalty, largest score; -1
  // where none is there, or the page holds no values.
  decide(states) {
    if (!this.hasValues) return -1;
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
    if (this.has("forward")) this.#forward.stale = true;
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

  // ---- names --------------------------------------------------------------------------------

  get #neuronNames() {
    const units = this.constants.map(({ id, name }) => ({ name, shape: [], first: id, ids: null }));
    return this.once("neuron names", () =>
      new Names([...this.layers, ...units], this.size, this.payload.labels));
  }

  get #weightNames() {
    return this.once("weight names", () => new Names(this.arrays, this.weights));
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
    return this.once("counts", () => counted(this));
  }

  // Return, per weight, whether no connection uses it.
  dead() {
    return this.once("dead", () => usedWeights(this).map((used) => (used ? 0 : 1)));
  }
}
