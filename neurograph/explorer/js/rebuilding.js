// What edits share: rows and weights put together anew. The twin of neurograph/edit.

// Return {rows, column}: `changed` (neuron -> row of ids) have new rows, all others keep theirs;
// equal new rows are one, and rows that nobody has any more are left out.
export function withRows(rows, column, changed) {
  const lengths = [];
  const parts = [];
  const number = new Int32Array(rows.ptr.length).fill(-1);
  const found = Int32Array.from(column, (row, neuron) => {
    if (row < 0 || changed.has(neuron)) return -1;
    if (number[row] < 0) number[row] = lengths.push(rows.ptr[row + 1] - rows.ptr[row]) - 1;
    return number[row];
  });
  const old = [];
  number.forEach((to, row) => to >= 0 && (old[to] = row));
  for (const row of old) parts.push(rows.ids.subarray(rows.ptr[row], rows.ptr[row + 1]));
  const known = new Map();
  for (const [neuron, row] of changed) {
    const key = row.join();
    if (!known.has(key)) {
      known.set(key, lengths.push(row.length) - 1);
      parts.push(row);
    }
    found[neuron] = known.get(key);
  }
  return { rows: ragged(lengths, parts), column: found };
}

function ragged(lengths, parts) {
  const ptr = new Int32Array(lengths.length + 1);
  lengths.forEach((length, row) => (ptr[row + 1] = ptr[row] + length));
  const ids = new Int32Array(ptr[lengths.length]);
  parts.forEach((part, row) => ids.set(part, ptr[row]));
  return { ptr, ids };
}

// The slots of one layer: of each of its neurons, in order of position, the sources and weights of
// every slot, dead ones too, and the bias.
export function slotsOf(network, layer) {
  const { name, kind, shape } = network.layers[layer];
  if (kind === "input") throw new Error(`${name}: found an input layer, needed one with connections`);
  const neurons = [];
  const perMap = shape.slice(1).reduce((a, b) => a * b, 1);
  network.ids(layer).forEach((id, position) => {
    if (id < 0) return;
    const [f, k] = [network.field[id], network.kernel[id]];
    const part = ({ ptr, ids }, row) => (row < 0 ? new Int32Array(0) : ids.subarray(ptr[row], ptr[row + 1]));
    neurons.push({
      id,
      position,
      map: shape.length ? Math.floor(position / perMap) : 0,
      sources: part(network.fields, f),
      weights: part(network.kernels, k),
      bias: network.bias[id],
    });
  });
  const width = neurons.reduce((most, { sources }) => Math.max(most, sources.length), 0);
  return { layer, name, shape, neurons, width };
}

// Return the network whose layer has these kernels (neuron -> row) and biases (neuron -> weight).
// `fresh` are new weights, from the network's number on: {value, trainable}; `arrays` the arrays of
// them that take the place of old ones, by the old name; `dissolved` what those shared before.
export function replaced(network, slots, { kernels, biases, fresh, arrays, dissolved = new Map() }) {
  const bias = Int32Array.from(network.bias);
  for (const [neuron, weight] of biases) bias[neuron] = weight;
  const { rows, column } = withRows(network.kernels, network.kernel, kernels);
  const placed = placedArrays(network, slots, arrays);
  const known = new Map(network.payload.dissolved);
  for (const name of placed.called.values()) known.delete(name);
  for (const [name, before] of dissolved) known.set(placed.called.get(name), before);
  const values = Float64Array.from([...network.values, ...fresh.map((w) => w.value)]);
  const trainable = Uint8Array.from([...network.trainable, ...fresh.map((w) => w.trainable)]);
  const weights = renumbered(placed.arrays, values, trainable, known);
  const layers = network.payload.layers.map((layer, at) => ({ ...layer, arrays: placed.owned[at] }));
  const marked = new Set([...network.marked].map((w) => weights.number[w]).filter((w) => w >= 0));
  const numbered = (ids) => ids.map((w) => (w < 0 ? -1 : weights.number[w]));
  return network.with({
    kernel: column,
    kernels: { ptr: rows.ptr, ids: numbered(rows.ids) },
    bias: numbered(bias),
    arrays: weights.arrays,
    values: weights.values,
    trainable: weights.trainable,
    dissolved: weights.dissolved,
    layers,
    marked,
  });
}

// Number the weights that stand in `arrays`, in that order; those that stand nowhere go.
function renumbered(arrays, values, trainable, dissolved) {
  const number = new Int32Array(values.length).fill(-1);
  const order = arrays.flatMap(({ ids }) => [...ids.filter((w) => w >= 0)]);
  order.forEach((w, at) => (number[w] = at));
  const shapes = new Map(arrays.map(({ name, shape }) => [name, shape.join()]));
  return {
    number,
    arrays: arrays.map(({ name, shape, ids }) =>
      ({ name, shape, first: -1, ids: ids.map((w) => (w < 0 ? -1 : number[w])) })),
    values: Float64Array.from(order, (w) => values[w]),
    trainable: Uint8Array.from(order, (w) => trainable[w]),
    dissolved: new Map([...dissolved].filter(([name, { shape }]) => shapes.get(name) === shape.join())),
  };
}

// Return the arrays after the change, the names of those each layer brought, and what each of the
// new ones is called, by the old name. An array of the layer's own gives way to the new one;
// weights of it that others use move to the first layer that does. Of another layer's array this
// one gets a copy under its own name.
function placedArrays(network, slots, fresh) {
  const arrays = network.arrays.map(({ name, shape, ids }) => ({ name, shape, ids }));
  const owned = network.layers.map((layer) => [...layer.arrays]);
  const called = new Map();
  const give = (layer, kind, shape, ids) => {
    let name = `${network.layers[layer].name}.${kind}`;
    while (arrays.some((a) => a.name === name)) name += "_";
    arrays.push({ name, shape, ids });
    owned[layer].push(name);
    return name;
  };
  for (const [name, { shape, ids }] of fresh) {
    if (!owned[slots.layer].includes(name)) {
      called.set(name, give(slots.layer, kindOf(network, owned, name), shape, ids));
      continue;
    }
    called.set(name, name);
    const at = arrays.findIndex((a) => a.name === name);
    const before = arrays[at];
    const left = usedElsewhere(network, slots, before.ids);
    arrays[at] = { name, shape, ids };
    if (left.some((w) => w >= 0)) {
      give(firstUser(network, slots, left), kindOf(network, owned, name), before.shape, left);
    }
  }
  return { arrays, owned, called };
}

// Return what follows the layer in an array's name: "kernel" of "C1.kernel".
function kindOf(network, owned, name) {
  const at = owned.findIndex((arrays) => arrays.includes(name));
  const stem = at < 0 ? "." : `${network.layers[at].name}.`;
  return name.startsWith(stem) ? name.slice(stem.length) : name;
}

// Return ids, -1 for those that only this layer's neurons name.
function usedElsewhere(network, slots, ids) {
  const own = new Set(slots.neurons.map(({ id }) => id));
  const named = new Set();
  const seen = new Uint8Array(network.kernels.ptr.length);
  for (let v = 0; v < network.size; v++) {
    const k = network.kernel[v];
    if (own.has(v)) continue;
    named.add(network.bias[v]);
    if (k < 0 || seen[k]) continue;
    seen[k] = 1;
    for (let q = network.kernels.ptr[k]; q < network.kernels.ptr[k + 1]; q++) named.add(network.kernels.ids[q]);
  }
  return ids.map((w) => (named.has(w) ? w : -1));
}

// Return the first other layer with a connection by one of these weights, or this layer.
function firstUser(network, slots, ids) {
  const own = new Set(slots.neurons.map(({ id }) => id));
  const wanted = new Set(ids);
  for (let v = 0; v < network.size; v++) {
    let uses = false;
    if (!own.has(v)) network.eachIncoming(v, (_, weight) => (uses ||= wanted.has(weight)));
    if (uses) return network.locate(v).layer ?? slots.layer;
  }
  return slots.layer;
}
