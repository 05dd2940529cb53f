// Unsharing: every neuron of a layer gets weights of its own. The twin of neurograph/edit.
import { ravel, unravel } from "./names.js";
import { replaced, slotsOf } from "./rebuilding.js";

const MOST = 20_000_000; // connections of a layer that a page takes apart

export function unshare(network, layer) {
  const slots = slotsOf(network, layer);
  const pairs = pairsOf(network, slots);
  const arrays = new Map();
  const dissolved = new Map();
  const fresh = [];
  const identity = slots.neurons.map(() => new Map()); // of each neuron, old weight -> new one
  network.arrays.forEach(({ name, shape }, at) => {
    const some = pairs.filter((pair) => pair.array === at);
    if (!some.length) return;
    const spreading = spread(slots, shape, some);
    const ids = new Int32Array(spreading.shape.reduce((a, b) => a * b, 1)).fill(-1);
    for (const pair of some.sort((a, b) => a.to - b.to)) {
      ids[pair.to] = network.weights + fresh.length;
      identity[pair.owner].set(pair.weight, ids[pair.to]);
      fresh.push({ value: network.values[pair.weight], trainable: network.trainable[pair.weight] });
    }
    arrays.set(name, { shape: spreading.shape, ids });
    const before = dissolvedOf(network, name, shape, spreading.shape, some);
    if (before) dissolved.set(name, before);
  });
  const kernels = new Map(slots.neurons.map(({ id, sources, weights }, owner) =>
    [id, weights.map((w, s) => (w < 0 || sources[s] < 0 ? -1 : identity[owner].get(w)))]));
  const biases = slots.neurons.map(({ id, bias }, owner) =>
    [id, bias < 0 ? -1 : identity[owner].get(bias)]);
  return replaced(network, slots, { kernels, biases, fresh, arrays, dissolved });
}

// Return each neuron's different weights: {owner, weight, slot (its first), array, place}.
function pairsOf(network, slots) {
  const total = slots.neurons.reduce((sum, { sources }) => sum + sources.length, 0);
  if (total > MOST) {
    throw new Error(`${slots.name}: has ${total} slots, a page takes ${MOST} apart`);
  }
  return slots.neurons.flatMap(({ sources, weights, bias }, owner) => {
    const met = new Map();
    const meet = (weight, slot) => weight >= 0 && !met.has(weight) && met.set(weight, slot);
    weights.forEach((weight, slot) => sources[slot] >= 0 && meet(weight, slot));
    meet(bias, slots.width);
    return [...met].map(([weight, slot]) => {
      const { array, position } = network.locateWeight(weight);
      return { owner, weight, slot, array, place: position };
    });
  });
}

// Give each pair its place `to` in the array unshared, and return that array's shape: the layer's,
// then what follows the axes that the array has in common with the layer, or the slots.
function spread(slots, shape, pairs) {
  const rows = pairs.map((pair) => ({
    pair,
    index: unravel(pair.place, shape),
    own: unravel(slots.neurons[pair.owner].position, slots.shape),
  }));
  let axes = 0;
  while (axes < Math.min(shape.length, slots.shape.length) && shape[axes] === slots.shape[axes]
    && rows.every(({ index, own }) => index[axes] === own[axes])) axes++;
  const biased = slots.neurons.some(({ bias }) => bias >= 0);
  const rest = axes ? shape.slice(axes) : [slots.width + (biased ? 1 : 0)];
  const full = [...slots.shape, ...rest];
  for (const { pair, index, own } of rows) {
    pair.to = ravel([...own, ...(axes ? index.slice(axes) : [pair.slot])], full);
  }
  return { shape: full };
}

// Return which place of the array each weight comes from, or came from where that had been taken
// apart before; null where the array is as it was.
function dissolvedOf(network, name, old, shape, pairs) {
  const earlier = network.payload.dissolved.get(name);
  const origin = pairs.map(({ place }) => (earlier ? earlier.places[place] : place));
  const before = earlier ? earlier.before : old;
  const alone = new Set(origin).size === origin.length;
  if (alone && shape.join() === before.join()) return null;
  const places = new Int32Array(shape.reduce((a, b) => a * b, 1)).fill(-1);
  pairs.forEach((pair, i) => (places[pair.to] = origin[i]));
  return { before, shape, places };
}
