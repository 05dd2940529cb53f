// Counts by enumeration: every connection is met, one by one; nothing is worked out by a formula.

// Return {parameters, trainable, used, fixed, dead, connections, bias, slots, neurons, unfed,
// unread, perLayer}, the columns of Python's `count`. perLayer has such a row for each layer, with
// its name and shape.
export function counted(network) {
  const met = { ...enumerated(network), read: new Set(network.seen(network.outputs)) };
  const owned = new Uint8Array(network.weights);
  const rows = network.layers.map((layer, at) => {
    const neurons = network.ids(at).filter((v) => v >= 0);
    const brought = network.arrays.filter(({ name }) => layer.arrays.includes(name));
    const weights = brought.flatMap(({ ids }) => [...ids.filter((w) => w >= 0)]);
    for (const w of weights) owned[w] = 1;
    return { name: layer.name, shape: layer.shape, ...row(network, met, neurons, weights) };
  });
  const loose = Int32Array.from({ length: network.weights }, (_, w) => w).filter((w) => !owned[w]);
  if (loose.length) rows.push({ name: "(other)", shape: null, ...row(network, met, [], loose) });
  const total = {};
  for (const [column, first] of Object.entries(rows[0] ?? {})) {
    if (typeof first === "number") total[column] = rows.reduce((sum, r) => sum + r[column], 0);
  }
  return { ...total, perLayer: rows };
}

// Return how many connections use each weight and lead into each neuron, and how many of those
// come from the bias unit.
function enumerated(network) {
  const byWeight = new Int32Array(network.weights);
  const byTarget = new Int32Array(network.size);
  const fromBias = new Int32Array(network.size);
  for (let v = 0; v < network.size; v++) {
    network.eachIncoming(v, (source, weight, target) => {
      byWeight[weight]++;
      byTarget[target]++;
      if (source === 0) fromBias[target]++;
    });
  }
  return { byWeight, byTarget, fromBias };
}

function row(network, { byWeight, byTarget, fromBias, read }, neurons, weights) {
  const found = { neurons: neurons.length, connections: 0, bias: 0, slots: 0, unfed: 0, unread: 0 };
  for (const v of neurons) {
    const f = network.field[v];
    found.connections += byTarget[v];
    found.bias += fromBias[v];
    found.slots += f < 0 ? 0 : network.fields.ptr[f + 1] - network.fields.ptr[f];
    found.slots += network.bias[v] >= 0 ? 1 : 0;
    found.unfed += network.function[v] >= 0 && !byTarget[v] ? 1 : 0;
    found.unread += read.has(v) ? 0 : 1;
  }
  Object.assign(found, { parameters: 0, trainable: 0, used: 0, fixed: 0, dead: 0 });
  for (const w of weights) {
    const free = network.trainable[w];
    found.trainable += free;
    found.fixed += 1 - free;
    found.dead += byWeight[w] ? 0 : 1;
    found.used += free && byWeight[w] ? 1 : 0;
  }
  found.parameters = found.trainable;
  return found;
}

// Return, per weight, how many connections use it.
export function usedWeights(network) {
  return enumerated(network).byWeight;
}
