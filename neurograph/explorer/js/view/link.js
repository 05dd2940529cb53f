// The view as a link: what is chosen, the sample or the drawing, and the edits, by name.
//   #at=C3[0, 2, 3]&map=0&tab=neuron&view=terms&sample=4&edits=[...]

const LEVELS = 255;
const MOST = 8192; // states of a drawing: more would make no address that anybody can send

function written(values, [low, high]) {
  const step = (high - low) / LEVELS || 1;
  const code = (value) => Math.max(0, Math.min(LEVELS, (value - low) / step + 0.5));
  const codes = Uint8Array.from(values, code);
  return btoa(String.fromCharCode(...codes));
}

function read(text, [low, high]) {
  return Float64Array.from(atob(text), (c) => low + (high - low) * c.charCodeAt(0) / LEVELS);
}

// Edits name neurons and weights, whose ids are this page's own.
function named(network, edit) {
  if (edit.op === "table") {
    return { ...edit, reads: edit.reads.map((row) => row.map(Number).join("")) };
  }
  if (edit.op !== "cut") return edit;
  return { ...edit, connections: edit.connections.map(({ source, weight, target }) =>
    [network.name(source), network.weightName(weight), network.name(target)]) };
}

function found(network, edit) {
  if (edit.op === "table") {
    return { ...edit, reads: edit.reads.map((row) => [...row].map((link) => link === "1")) };
  }
  if (edit.op !== "cut") return edit;
  return { ...edit, connections: edit.connections.map(([source, weight, target]) => ({
    source: network.find(source).neuron, weight: network.find(weight).weight,
    target: network.find(target).neuron })) };
}

function ranges(explorer) {
  return explorer.inputs.map((_, i) => explorer.samples.ranges[i] ?? [0, 1]);
}

export function linkOf(explorer) {
  const { network, neuron, weight, layer, sample } = explorer;
  const parts = new URLSearchParams();
  if (neuron !== null) parts.set("at", network.name(neuron));
  else parts.set("layer", network.layers[layer].name);
  if (weight !== null) parts.set("weight", network.weightName(weight));
  parts.set("map", explorer.map);
  parts.set("tab", explorer.tab);
  if (explorer.view !== "terms") parts.set("view", explorer.view);
  if (sample !== null) parts.set("sample", sample);
  else if (explorer.inputs.every((values) => values.length <= MOST)) {
    const range = ranges(explorer);
    parts.set("input", explorer.inputs.map((values, i) => written(values, range[i])).join("."));
  }
  if (explorer.history.length) {
    parts.set("edits", JSON.stringify(explorer.history.map(({ edit, network: at }) =>
      named(at, edit))));
  }
  return `#${parts}`;
}

function reopenInput(explorer, parts) {
  const sample = Number(parts.get("sample") ?? NaN);
  if (sample in explorer.samples.inputs) explorer.chooseSample(sample);
  const texts = parts.get("input")?.split(".") ?? [];
  texts.forEach((text, i) => {
    const values = read(text, ranges(explorer)[i] ?? [0, 1]);
    if (values.length === explorer.inputs[i]?.length) explorer.feed(values, i);
  });
}

function reopenEdits(explorer, parts) {
  explorer.undoAll();
  for (const edit of JSON.parse(parts.get("edits") ?? "[]")) {
    if (edit.op !== "value") explorer.edit(found(explorer.network, edit));
    else explorer.setValue(explorer.network.find(edit.name).weight, Number(edit.value));
  }
}

function reopenChoice(explorer, parts) {
  const tab = parts.get("tab");
  const find = (key) => (parts.has(key) ? explorer.network.find(parts.get(key)) : null);
  explorer.view = parts.get("view") === "fields" ? "fields" : "terms";
  const layer = explorer.network.layers.findIndex(({ name }) => name === parts.get("layer"));
  if (layer >= 0) explorer.openLayer(layer);
  const neuron = find("at")?.neuron;
  if (neuron !== undefined) explorer.choose(neuron);
  const weight = find("weight")?.weight;
  if (weight !== undefined) explorer.pick(weight);
  const map = Number(parts.get("map") ?? NaN);
  if (Number.isInteger(map) && map >= 0 && map < explorer.mapCount()) explorer.openMap(map);
  if (explorer.tabs.includes(tab)) explorer.openTab(tab);
}

// Show what a link says; what it says wrongly is left as it is. Returns whether all was understood.
export function reopen(explorer, hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  let understood = true;
  for (const step of [reopenEdits, reopenInput, reopenChoice]) {
    try {
      step(explorer, parts);
    } catch {
      understood = false;
    }
  }
  return understood;
}

// The address follows the view, without a step back for each change.
export class Link {
  constructor(explorer, window) {
    this.explorer = explorer;
    this.window = window;
    if (window.location.hash.length > 1) reopen(explorer, window.location.hash);
    window.addEventListener("hashchange", () => {
      if (window.location.hash !== this.last) reopen(explorer, window.location.hash);
    });
  }

  update() {
    this.window.clearTimeout(this.timer);
    this.timer = this.window.setTimeout(() => this.write(), 250);
  }

  write() {
    this.last = linkOf(this.explorer);
    try {
      this.window.history.replaceState(null, "", this.last);
    } catch { /* in a frame without an address of its own there is nothing to write */ }
    this.last = this.window.location.hash;
  }
}
