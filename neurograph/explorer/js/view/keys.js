// One way to walk through neurons by keys, in the picture and in the magnified map alike.
import { pictured } from "./layout.js";

function moved(key, [, rows, columns], at) {
  const size = rows * columns;
  const map = Math.floor(at / size);
  const down = Math.floor((at - map * size) / columns);
  const across = (at - map * size) % columns;
  const steps = {
    ArrowRight: across < columns - 1 ? 1 : 0, ArrowLeft: across > 0 ? -1 : 0,
    ArrowDown: down < rows - 1 ? columns : 0, ArrowUp: down > 0 ? -columns : 0,
    PageDown: size, PageUp: -size, Home: -across, End: columns - 1 - across,
  };
  return key in steps ? at + steps[key] : null;
}

function layerBeside(explorer, step) {
  const index = explorer.layer + step;
  if (index < 0 || index >= explorer.network.layers.length) return;
  const first = explorer.network.ids(index).find((id) => id >= 0);
  if (first !== undefined) explorer.choose(first);
}

function nextWeight(explorer, step) {
  if (explorer.neuron === null) return;
  const { terms } = explorer.network.terms(explorer.neuron, explorer.states);
  if (!terms.length) return;
  const at = terms.findIndex((term) => term.weight === explorer.weight);
  const next = at < 0 ? (step > 0 ? 0 : terms.length - 1) : at + step + terms.length;
  explorer.pick(terms[next % terms.length].weight);
}

const OTHERS = {
  ".": (explorer) => layerBeside(explorer, 1),
  ",": (explorer) => layerBeside(explorer, -1),
  w: (explorer) => nextWeight(explorer, 1),
  W: (explorer) => nextWeight(explorer, -1),
  f: (explorer) => explorer.show(explorer.view === "fields" ? "terms" : "fields"),
  Escape: (explorer) => explorer.clear(),
};

function walked(explorer, key) {
  const layer = explorer.network.layers[explorer.layer];
  const start = explorer.neuron === null;
  const at = start ? 0 : explorer.network.locate(explorer.neuron).position;
  const next = moved(key, pictured(layer), at);
  if (next === null) return false;
  const within = start ? 0 : next;
  const id = explorer.network.ids(explorer.layer)[within] ?? -1;
  if (id >= 0) explorer.choose(id);
  return true;
}

export function listenForKeys(element, explorer) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (OTHERS[event.key]) OTHERS[event.key](explorer);
    else if (!walked(explorer, event.key)) return;
    event.preventDefault();
    element.focus();
  });
}
