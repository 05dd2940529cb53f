// A layer's connection table: which source maps each of its maps reads, and changing it.
import { ravel, unravel } from "./names.js";
import { slotsOf, withRows } from "./rebuilding.js";

const product = (shape) => shape.reduce((a, b) => a * b, 1);

// Return {sources, reads, editable}: for a layer of maps, the maps of the layers it reads
// [{layer, map}], and reads[map][source], whether any connection joins the two. Null for a layer
// that has no maps, or reads none.
export function tableOf(network, layer) {
  const links = linksOf(network, layer);
  if (links === null) return null;
  const reads = Array.from({ length: network.layers[layer].shape[0] }, (_, map) =>
    links.sources.map((_, source) => links.found.has(map * links.sources.length + source)));
  return { sources: links.sources, reads, editable: arrayOf(network, layer, links) !== null };
}

// Return {sources, first: layer -> its first place in sources, found: the links that there are}.
function linksOf(network, layer) {
  const { shape } = network.layers[layer];
  if (shape.length < 2) return null;
  const { layer: layerOf, position: positionOf } = network.places;
  const each = (visit) => network.ids(layer).forEach((v, position) =>
    v >= 0 && network.eachIncoming(v, (source) =>
      layerOf[source] < network.layers.length && visit(source, position)));
  const read = new Set();
  each((source) => read.add(layerOf[source]));
  const layers = [...read].sort((a, b) => a - b);
  if (!layers.length || layers.some((at) => network.layers[at].shape.length < 2)) return null;
  const first = new Map();
  const sources = [];
  for (const at of layers) {
    first.set(at, sources.length);
    for (let map = 0; map < network.layers[at].shape[0]; map++) sources.push({ layer: at, map });
  }
  const channelOf = (source) => {
    const at = layerOf[source];
    if (!first.has(at)) return -1; // a constant
    return first.get(at) + Math.floor(positionOf[source] / product(network.layers[at].shape.slice(1)));
  };
  const found = new Set();
  const perMap = product(shape.slice(1));
  each((source, position) =>
    found.add(Math.floor(position / perMap) * sources.length + channelOf(source)));
  return { sources, first, found, channelOf };
}

// Return {array, axis} if every weight of the layer's slots stands in one array, at its target's
// place in front (of the map, or of the neuron) and its source's channel at `axis`; else null.
function arrayOf(network, layer, { sources, channelOf }) {
  const { shape, arrays } = network.layers[layer];
  const known = new Set();
  let found = null;
  let sound = true;
  network.ids(layer).forEach((v, position) => {
    if (v < 0 || !sound) return;
    const own = unravel(position, shape);
    const seen = network.kernel[v] * shape[0] + own[0];
    if (known.has(seen)) return; // a kernel of a map says the same at all its positions
    network.eachIncoming(v, (source, weight) => {
      const channel = channelOf(source);
      if (channel < 0 || !sound) return; // a bias, or a border
      const { array, index } = network.locateWeight(weight);
      found ??= { array, axis: axisOf(network.arrays[array].shape, shape, sources.length) };
      sound = found.axis > 0 && array === found.array && index[found.axis] === channel
        && own.slice(0, found.axis).every((i, axis) => index[axis] === i);
    });
    if (found?.axis === 1) known.add(seen);
  });
  return found && sound && arrays.includes(network.arrays[found.array].name) ? found : null;
}

// Return the axis of an array's shape that counts source maps, -1 if there is none.
function axisOf(array, layer, sources) {
  const apart = layer.length;
  if (array.length > apart && layer.every((n, i) => array[i] === n) && array[apart] === sources) return apart;
  return array[0] === layer[0] && array[1] === sources ? 1 : -1;
}

// Return the network whose layer reads these maps: reads[map][source], as `tableOf` returns it.
// A link that goes takes its slots along, its weights stay, dead. The weights of a new one start at
// 0 and are marked.
export function setTable(network, layer, reads) {
  const links = linksOf(network, layer);
  const place = links && arrayOf(network, layer, links);
  const { name, shape } = network.layers[layer];
  if (!place) throw new Error(`${name}: has no connection table that can be changed`);
  const edit = new TableEdit(network, layer, links, place);
  const count = links.sources.length;
  if (reads.length !== shape[0] || reads.some((row) => row.length !== count)) {
    throw new Error(`${name}: needed a table of ${shape[0]} x ${count}`);
  }
  reads.forEach((row, map) => {
    const changes = row.some((on, source) => Boolean(on) !== links.found.has(map * count + source));
    if (changes) edit.map(map, row);
  });
  return edit.done();
}

class TableEdit {
  constructor(network, layer, links, place) {
    Object.assign(this, { network, links, place, slots: slotsOf(network, layer) });
    const { shape } = network.layers[layer];
    this.perMap = product(shape.slice(1));
    this.byPosition = new Map(this.slots.neurons.map((neuron) => [neuron.position, neuron]));
    const array = network.arrays[place.array];
    this.shape = array.shape;
    this.ids = Int32Array.from(array.ids);
    this.values = [...network.values];
    this.trainable = [...network.trainable];
    this.marked = new Set(network.marked);
    this.fields = new Map();
    this.kernels = new Map();
  }

  // Give a map's neurons the links of a row of the table.
  map(map, row) {
    const { links, slots, network } = this;
    const template = this.#template(map);
    for (const neuron of slots.neurons.filter((n) => n.map === map)) {
      const kept = this.#byChannel(neuron);
      const like = this.byPosition.get(template.map * this.perMap + (neuron.position % this.perMap));
      const all = like ? this.#byChannel(like).get(template.source) ?? [] : [];
      const pattern = all.filter(({ weight }) => weight >= 0);
      const found = kept.get(-1) ?? []; // slots of constants, which no table says
      row.forEach((on, source) => {
        if (!on) return;
        const old = links.found.has(map * row.length + source) ? kept.get(source) ?? [] : null;
        found.push(...(old ?? pattern.map((slot) => this.#moved(slot, neuron, source))));
      });
      const late = found.find(({ source }) => source >= 0 && network.level[source] >= network.level[neuron.id]);
      if (late) throw new Error(`${network.name(late.source)} does not come before ${network.name(neuron.id)}`);
      this.fields.set(neuron.id, Int32Array.from(found, ({ source }) => source));
      this.kernels.set(neuron.id, Int32Array.from(found, ({ weight }) => weight));
    }
  }

  // Return a link that shows which positions a map's neurons read: one of the map's own, if any.
  #template(map) {
    const count = this.links.sources.length;
    const all = [...this.links.found];
    const found = all.find((link) => Math.floor(link / count) === map) ?? all[0];
    return { map: Math.floor(found / count), source: found % count };
  }

  // Return a neuron's slots {source, weight} by the place of their source map; -1 for none.
  #byChannel({ sources, weights }) {
    const found = new Map();
    const { network, links, place } = this;
    sources.forEach((source, slot) => {
      const weight = weights[slot];
      const at = weight < 0 ? null : network.locateWeight(weight);
      const own = at?.array === place.array ? at.index[place.axis] : -1; // an empty slot's, too
      const key = source < 0 ? own : links.channelOf(source);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push({ source, weight });
    });
    return found;
  }

  // Return a slot of the template as the same slot of a new link.
  #moved({ source, weight }, neuron, to) {
    const { network, links, place } = this;
    const own = unravel(neuron.position, this.slots.shape).slice(0, place.axis);
    const rest = network.locateWeight(weight).index.slice(place.axis + 1);
    const found = this.#weight(ravel([...own, to, ...rest], this.shape), weight);
    return { source: source < 0 ? -1 : this.#sameIn(links.sources[to], source), weight: found };
  }

  // Return the neuron of a map that stands where a source does in its own.
  #sameIn({ layer, map }, source) {
    const { network } = this;
    const at = network.locate(source);
    const target = network.layers[layer];
    if (network.layers[at.layer].shape.slice(1).join() !== target.shape.slice(1).join()) {
      throw new Error(`${target.name}: its maps have another size`);
    }
    return network.ids(layer)[ravel([map, ...at.index.slice(1)], target.shape)];
  }

  // Return the weight at a place of the array, new or dead before: 0 and marked.
  #weight(place, like) {
    if (this.ids[place] < 0) {
      this.ids[place] = this.values.push(0) - 1;
      this.trainable.push(this.network.trainable[like]);
    }
    const weight = this.ids[place];
    this.values[weight] = 0;
    this.marked.add(weight);
    return weight;
  }

  done() {
    const { network } = this;
    const fields = withRows(network.fields, network.field, this.fields);
    const kernels = withRows(network.kernels, network.kernel, this.kernels);
    return network.with({
      fields: fields.rows,
      field: fields.column,
      kernels: kernels.rows,
      kernel: kernels.column,
      arrays: network.arrays.map(({ name, shape, first, ids }, at) =>
        at === this.place.array ? { name, shape, first: -1, ids: this.ids } : { name, shape, first, ids }),
      values: Float64Array.from(this.values),
      trainable: Uint8Array.from(this.trainable),
      marked: this.marked,
    });
  }
}
