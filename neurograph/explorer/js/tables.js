// A layer's connection table: which source maps each of its maps reads.

// Return {sources, reads}: for a layer of maps, the source maps [{layer, map}] in order, and
// reads[map][source], whether any connection joins the two. Null for a layer that has no such
// table: its maps are single units, or its sources are.
export function tableOf(network, layer) {
  const { shape } = network.layers[layer];
  if (shape.length < 2) return null;
  const perMap = shape.slice(1).reduce((a, b) => a * b, 1);
  const found = new Map();
  const rows = Array.from({ length: shape[0] }, () => new Set());
  network.ids(layer).forEach((v, position) => {
    if (v < 0) return;
    network.eachIncoming(v, (source) => {
      const at = network.locate(source);
      if (at.layer === null) return;
      const map = network.layers[at.layer].shape.length > 1 ? at.index[0] : 0;
      const key = at.layer * 65536 + map;
      if (!found.has(key)) found.set(key, { layer: at.layer, map });
      rows[Math.floor(position / perMap)].add(key);
    });
  });
  const keys = [...found.keys()].sort((a, b) => a - b);
  return { sources: keys.map((key) => found.get(key)), reads: rows.map((row) => keys.map((key) => row.has(key))) };
}
