// Tying within a layer: the neurons of each map share weights again. The twin of neurograph/edit.
import { replaced, slotsOf } from "./rebuilding.js";

export function tie(network, layer) {
  const slots = slotsOf(network, layer);
  const group = recorded(network, slots);
  const alike = group === null || oneKernelAMap(slots, group);
  if (alike) {
    const shared = group === null
      || slots.neurons.some(({ bias }) => bias >= 0 && group[bias] >= network.weights);
    checkSlots(network, slots, shared);
  }
  const merged = mergedWeights(network, slots, group);
  const arrays = arraysOf(network, slots, merged, group !== null);
  const numbered = (row) => row.map((w) => (w < 0 ? -1 : merged.number[w]));
  const byMap = alike ? rowsByMap(slots, merged.number) : null;
  const kernels = new Map(slots.neurons.map(({ id, map, weights }) =>
    [id, alike ? byMap.get(map).slice(0, weights.length) : numbered(weights)]));
  const biases = slots.neurons.map(({ id, bias }) => [id, bias < 0 ? -1 : merged.number[bias]]);
  return replaced(network, slots, { kernels, biases, fresh: merged.fresh, arrays });
}

// Return for each weight what it was one with before an edit took them apart, a number each; null
// if nothing is known of the layer's.
function recorded(network, slots) {
  const known = network.payload.dissolved;
  const group = Float64Array.from({ length: network.weights }, (_, w) => w);
  const first = new Map();
  let taken = network.weights;
  for (const w of weightsOf(slots)) {
    const at = network.locateWeight(w);
    const name = network.arrays[at.array].name;
    if (!known.has(name)) continue;
    const { before, places } = known.get(name);
    if (!first.has(name)) {
      first.set(name, taken);
      taken += before.reduce((a, b) => a * b, 1);
    }
    if (places[at.position] >= 0) group[w] = first.get(name) + places[at.position];
  }
  return first.size ? group : null;
}

function weightsOf(slots) {
  const found = new Set();
  for (const { weights, bias } of slots.neurons) {
    for (const w of weights) if (w >= 0) found.add(w);
    if (bias >= 0) found.add(bias);
  }
  return [...found].sort((a, b) => a - b);
}

// Return whether weights in the same slot of a map were one: all its neurons had one kernel.
function oneKernelAMap(slots, group) {
  const lengths = new Map();
  const first = new Map();
  const same = (map, key, value) => {
    if (!map.has(key)) map.set(key, value);
    return map.get(key) === value;
  };
  return slots.neurons.every(({ map, weights }) => same(lengths, map, weights.length)
    && weights.every((w, slot) => w < 0 || same(first, map * slots.width + slot, group[w])));
}

// Throw where the neurons of a map differ in what tying them would make equal.
function checkSlots(network, slots, bias) {
  const first = new Map();
  for (const { id, map, weights, bias: own } of slots.neurons) {
    if (!first.has(map)) first.set(map, { id, width: weights.length, biased: own >= 0 });
    const other = first.get(map);
    const odd = other.width !== weights.length ? "slots"
      : bias && other.biased !== own >= 0 ? "biases" : null;
    if (odd) {
      throw new Error(`${slots.name}: ${network.name(id)} and ${network.name(other.id)}, of the `
        + `same map, have different numbers of ${odd}; tied neurons need the same`);
    }
  }
  const live = new Set(slots.neurons.flatMap(({ map, weights }) =>
    [...weights].flatMap((w, slot) => (w < 0 ? [] : [map * slots.width + slot]))));
  for (const { id, map, sources, weights } of slots.neurons) {
    const cut = weights.findIndex((w, slot) =>
      w < 0 && sources[slot] >= 0 && live.has(map * slots.width + slot));
    if (cut >= 0) {
      throw new Error(`${slots.name}: slot ${cut} of ${network.name(id)} is cut and live in other `
        + "neurons of its map; tied neurons need the same live slots");
    }
  }
}

// Return {number: the new weight of every old one, fresh: the new weights, moves: which weights
// get a new number}. Weights are one if they were, or if a chain of common slots of a map joins
// them.
function mergedWeights(network, slots, group) {
  const weights = weightsOf(slots);
  const of = group ?? chains(network, slots);
  const members = new Map();
  for (const w of weights) {
    if (!members.has(of[w])) members.set(of[w], []);
    members.get(of[w]).push(w);
  }
  for (const some of members.values()) checkTrainable(network, some);
  const arrayOf = (w) => network.locateWeight(w).array;
  const moved = new Set(weights
    .filter((w) => members.get(of[w]).length > 1 || (group && of[w] >= network.weights))
    .map(arrayOf));
  const number = Int32Array.from({ length: network.weights }, (_, w) => w);
  const fresh = [];
  const moves = [];
  for (const some of members.values()) {
    if (!some.some((w) => moved.has(arrayOf(w)))) continue;
    for (const w of some) {
      number[w] = network.weights + fresh.length;
      moves.push(w);
    }
    fresh.push({ value: mean(some.map((w) => network.values[w])), trainable: network.trainable[some[0]] });
  }
  return { number, fresh, moves };
}

// Taken from the first, so that the mean of equal values is that value exactly.
function mean(values) {
  return values[0] + values.reduce((sum, v) => sum + (v - values[0]), 0) / values.length;
}

function checkTrainable(network, weights) {
  const fixed = weights.find((w) => !network.trainable[w]);
  const free = weights.find((w) => network.trainable[w]);
  if (fixed !== undefined && free !== undefined) {
    throw new Error(`${network.weightName(free)} is trainable and ${network.weightName(fixed)} is `
      + "fixed; weights tied to one need to be both the one or the other");
  }
}

// Return for each weight the first of those that a chain of common (map, slot) joins it with.
function chains(network, slots) {
  const lead = Int32Array.from({ length: network.weights }, (_, w) => w);
  const root = (w) => {
    while (lead[w] !== w) w = lead[w] = lead[lead[w]];
    return w;
  };
  const holder = new Map();
  const join = (place, w) => {
    if (w < 0) return;
    const [a, b] = [root(holder.get(place) ?? w), root(w)];
    lead[Math.max(a, b)] = Math.min(a, b);
    holder.set(place, w);
  };
  const width = slots.width + 1; // the last place of a map is for its bias
  for (const { map, weights, bias } of slots.neurons) {
    weights.forEach((w, slot) => join(map * width + slot, w));
    join(map * width + slots.width, bias);
  }
  return lead.map((_, w) => root(w));
}

// Return the arrays of the new weights, by old name; each weight stands in one place.
function arraysOf(network, slots, { number, moves }, restoring) {
  const known = restoring ? network.payload.dissolved : new Map();
  const touched = new Set(moves.map((w) => network.locateWeight(w).array));
  const seen = new Set();
  const found = new Map();
  network.arrays.forEach(({ name, shape, ids }, at) => {
    if (!touched.has(at)) return;
    const fresh = ids.map((w) => (w >= 0 && number[w] >= network.weights ? number[w] : -1));
    const array = known.has(name) ? restored(known.get(name), fresh) : gathered(slots, shape, fresh);
    array.ids = array.ids.map((w) => {
      if (w < 0 || seen.has(w)) return -1;
      seen.add(w);
      return w;
    });
    found.set(name, array);
  });
  return found;
}

// Return ids in the shape they had, each at the place that it was a copy of.
function restored({ before, places }, ids) {
  const found = new Int32Array(before.reduce((a, b) => a * b, 1)).fill(-1);
  ids.forEach((w, at) => w >= 0 && places[at] >= 0 && (found[places[at]] = w));
  return { shape: before, ids: found };
}

// Return (maps, ...) for ids (*layer's shape, ...) that do not differ within a map.
function gathered(slots, shape, ids) {
  const axes = slots.shape.length;
  const leads = axes > 0 && slots.shape.every((n, axis) => shape[axis] === n);
  if (!leads) return { shape, ids };
  const rest = shape.slice(axes);
  const inner = rest.reduce((a, b) => a * b, 1);
  const perMap = slots.shape.slice(1).reduce((a, b) => a * b, 1);
  const top = new Int32Array(slots.shape[0] * inner).fill(-1);
  for (let at = 0; at < ids.length; at++) {
    const place = Math.floor(at / (perMap * inner)) * inner + (at % inner);
    if (ids[at] < 0) continue;
    if (top[place] >= 0 && top[place] !== ids[at]) return { shape, ids };
    top[place] = ids[at];
  }
  return { shape: [slots.shape[0], ...rest], ids: top };
}

// Return map -> the kernel that all its neurons have.
function rowsByMap(slots, number) {
  const found = new Map();
  for (const { map, weights } of slots.neurons) {
    if (!found.has(map)) found.set(map, new Int32Array(weights.length).fill(-1));
    weights.forEach((w, slot) => w >= 0 && (found.get(map)[slot] = number[w]));
  }
  return found;
}
