// Cutting connections one by one. The twin of neurograph/edit.
import { withRows } from "./rebuilding.js";

// Return the network without these connections: {target, slot} is one slot of a neuron,
// {source, weight, target} every connection like it, the bias (source 0) among them. A neuron that
// loses one of a shared weight gets a kernel of its own; a weight that loses its last stays, dead.
export function cut(network, connections) {
  const bias = Int32Array.from(network.bias);
  const kernels = new Map();
  for (const { target, slot, source, weight } of connections) {
    const f = network.field[target];
    const k = network.kernel[target];
    const own = k < 0 ? new Int32Array(0) : network.kernels.ids.slice(network.kernels.ptr[k], network.kernels.ptr[k + 1]);
    const row = kernels.get(target) ?? own;
    const before = row.join();
    row.forEach((w, s) => {
      const like = w === weight && network.fields.ids[network.fields.ptr[f] + s] === source;
      if (s === slot || like) row[s] = -1;
    });
    if (row.join() !== before) kernels.set(target, row);
    if (source === 0 && bias[target] === weight) bias[target] = -1;
  }
  const { rows, column } = withRows(network.kernels, network.kernel, kernels);
  return network.with({ kernels: rows, kernel: column, bias });
}
