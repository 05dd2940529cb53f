// What is looked at: a network, its input, its states, a choice. Parts of the page are told of
// changes ("states", "choice", "network", "theme", "tab") and draw themselves.
import { cut, setTable, tie, unshare } from "../edits.js";
import { number } from "./elements.js";
import { pictured } from "./layout.js";

const EDITS = {
  cut: (network, edit) => cut(network, edit.connections),
  unshare: (network, edit) => unshare(network, edit.layer),
  tie: (network, edit) => tie(network, edit.layer),
  table: (network, edit) => setTable(network, edit.layer, edit.reads),
};

export class Explorer {
  constructor(network, texts) {
    this.texts = texts;
    this.original = network;
    this.network = network;
    this.history = [];
    this.parts = [];
    this.neuron = null;
    this.weight = null;
    this.layer = 0;
    this.map = 0;
    this.tab = "counts";
    this.view = "terms";
    this.sample = null;
    this.source = 0;
    this.theme = "light";
    this.inputs = network.inputs.map((i) => new Float64Array(network.layers[i].size));
    this.samples = network.payload.samples;
    if (this.samples.labels.length) this.take(0);
    this.compute();
  }

  text(key, values) {
    return this.texts.get(key, values);
  }

  told(...changes) {
    const set = new Set(changes);
    for (const part of this.parts) part.update(set);
  }

  compute() {
    this.states = this.network.forward(this.inputs);
  }

  // ---- the input

  take(sample) {
    this.inputs = this.samples.inputs[sample].map((values) => Float64Array.from(values));
    this.sample = sample;
  }

  chooseSample(sample) {
    this.take(sample);
    this.compute();
    this.told("input", "states");
  }

  feed(values, which = this.source) {
    this.inputs[which] = values;
    this.sample = null;
    this.compute();
    this.told("input", "states");
  }

  // ---- the choice

  choose(neuron, tab = "neuron") {
    const { layer, position } = this.network.locate(neuron);
    if (layer === null) return;
    this.layer = layer;
    this.neuron = neuron;
    this.weight = null;
    this.map = this.mapOf(layer, position);
    this.tab = tab;
    this.told("choice", "tab");
  }

  pick(weight, tab = "weight") {
    this.weight = weight;
    this.tab = tab;
    if (this.neuron === null) this.layer = this.layerOf(weight);
    this.told("choice", "tab");
  }

  // The layer that brought a weight's array; where none did, the one that is looked at.
  layerOf(weight) {
    const { array } = this.network.locateWeight(weight) ?? {};
    const name = this.network.arrays[array]?.name;
    const found = this.network.layers.findIndex(({ arrays }) => arrays.includes(name));
    if (found >= 0 && found !== this.layer) this.map = 0;
    return found < 0 ? this.layer : found;
  }

  openLayer(index, tab = "layer") {
    this.layer = index;
    this.map = 0;
    this.neuron = null;
    this.weight = null;
    this.tab = tab;
    this.told("choice", "tab");
  }

  // What Network.find found.
  open({ neuron, weight, layer }) {
    if (neuron !== undefined) this.choose(neuron);
    else if (weight !== undefined) this.pick(weight);
    else this.openLayer(layer);
  }

  openMap(map) {
    this.map = map;
    this.told("choice");
  }

  clear() {
    this.neuron = null;
    this.weight = null;
    this.told("choice", "tab");
  }

  openTab(tab) {
    this.tab = tab;
    this.told("tab");
  }

  show(view) {
    this.view = view;
    this.told("choice");
  }

  mapOf(layer, position) {
    const [, rows, columns] = pictured(this.network.layers[layer]);
    return Math.floor(position / (rows * columns));
  }

  mapCount() {
    return pictured(this.network.layers[this.layer])[0];
  }

  // What the choice touches, with colours: [ids, colour, width] for those who draw maps.
  marks(ink) {
    const { network, neuron, weight } = this;
    const chosen = neuron === null ? [] : [[[neuron], ink.mark, 3]];
    if (weight !== null) {
      const { sources, targets } = network.uses(weight);
      return [[new Set([...sources, ...targets]), ink.veil, 1], ...chosen];
    }
    if (neuron === null) return [];
    if (this.view === "fields") {
      return [[network.seen(neuron), ink.mark, 1.5], [network.fed(neuron), ink.target, 1.5],
        ...chosen];
    }
    return [[new Set(network.incoming(neuron).sources), ink.mark, 1.5],
      [new Set(network.outgoing(neuron).targets), ink.target, 1.5], ...chosen];
  }

  described(neuron) {
    return this.text("neuron.described",
      { name: this.network.name(neuron), state: number(this.states[neuron]) });
  }

  // ---- edits

  setValue(weight, value) {
    const before = this.network.values[weight];
    const name = this.network.weightName(weight);
    const last = this.history.at(-1);
    if (last?.edit.op === "value" && last.edit.name === name) last.edit.value = value;
    else this.history.push({ edit: { op: "value", name, value }, network: this.network, before });
    this.network.setValue(weight, value);
    this.compute();
    this.told("states", "values");
  }

  edit(edit) {
    const before = this.network;
    const weight = this.weight === null ? null : before.weightName(this.weight);
    const after = EDITS[edit.op](before, edit);
    this.history.push({ edit, network: before });
    this.replace(after, weight);
  }

  undo() {
    const last = this.history.pop();
    if (!last) return;
    const weight = this.weight === null ? null : this.network.weightName(this.weight);
    if (last.edit.op === "value") {
      last.network.setValue(last.network.find(last.edit.name).weight, last.before);
    }
    this.replace(last.network, weight);
  }

  undoAll() {
    while (this.history.length) this.undo();
  }

  replace(network, weightName) {
    this.network = network;
    this.compute();
    this.weight = weightName === null ? null : network.find(weightName)?.weight ?? null;
    this.told("network", "states", "choice", "tab", "values");
  }
}
