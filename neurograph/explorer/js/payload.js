// The text that Python packed a graph into, as the columns of its normal form.
// See neurograph/explorer/packing.py and payload.py, which write what is read here.

const READERS = { i4: integers, b1: flags, u1: codes, f2: halves, f4: singles, f8: doubles };
const WIDTHS = { i4: 4, u1: 1, f2: 2, f4: 4, f8: 8 };

// Return the payload that a Network is made of. It takes base64 text, or the bytes that it says.
export async function readPayload(text) {
  const raw = await inflated(typeof text === "string" ? fromBase64(text.trim()) : text);
  const length = new DataView(raw.buffer, raw.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  return unpacked(header, readArrays(header.arrays, raw, 4 + length));
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function fromBase64(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

function readArrays(specs, raw, start) {
  let at = start;
  return specs.map(([kind, size]) => {
    const bytes = kind === "b1" ? Math.ceil(size / 8) : size * WIDTHS[kind];
    const found = READERS[kind](raw.subarray(at, at + bytes), size);
    at += bytes;
    return found;
  });
}

// Undo the shuffle: all first bytes, then all second ones, and so on.
function unshuffled(bytes, size, width) {
  const out = new Uint8Array(size * width);
  for (let b = 0; b < width; b++) {
    for (let i = 0, from = b * size; i < size; i++) out[i * width + b] = bytes[from + i];
  }
  return new DataView(out.buffer);
}

function integers(bytes, size) {
  const view = unshuffled(bytes, size, 4);
  const out = new Int32Array(size);
  for (let i = 0, value = 0; i < size; i++) out[i] = value = (value + view.getInt32(4 * i, true)) | 0;
  return out;
}

function flags(bytes, size) {
  return Uint8Array.from({ length: size }, (_, i) => (bytes[i >> 3] >> (i & 7)) & 1);
}

function codes(bytes) {
  return bytes.slice();
}

function doubles(bytes, size) {
  const view = unshuffled(bytes, size, 8);
  return Float64Array.from({ length: size }, (_, i) => view.getFloat64(8 * i, true));
}

function singles(bytes, size) {
  const view = unshuffled(bytes, size, 4);
  return Float64Array.from({ length: size }, (_, i) => view.getFloat32(4 * i, true));
}

function halves(bytes, size) {
  const view = unshuffled(bytes, size, 2);
  return Float64Array.from({ length: size }, (_, i) => half(view.getUint16(2 * i, true)));
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const rest = bits & 1023;
  if (exponent === 0) return sign * rest * 2 ** -24;
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return sign * (1 + rest / 1024) * 2 ** (exponent - 15);
}

function unpacked(header, arrays) {
  const named = ([name, [shape, first, place]]) =>
    ({ name, shape, first, ids: first < 0 ? arrays[place] : null });
  const columns = Object.entries(header.columns).map(([name, at]) => [name, arrays[at]]);
  return {
    title: header.title,
    size: header.size,
    ...Object.fromEntries(columns),
    fields: rows(header.rows.fields, arrays),
    kernels: rows(header.rows.kernels, arrays),
    functions: header.functions.map(([combine, reduce, activation, parameters]) =>
      ({ combine, reduce, activation, parameters })),
    layers: header.layers.map(([name, type, ids, brought]) =>
      ({ ...named([name, ids]), type, arrays: brought })),
    arrays: header.names.map(named),
    inputs: header.inputs,
    outputs: arrays[header.outputs[1]],
    outputShape: header.outputs[0],
    penalties: header.penalties,
    constants: header.constants.map(([id, name, state]) => ({ id, name, state })),
    labels: new Map(header.labels),
    dissolved: new Map(header.dissolved.map(([name, before, shape, at]) =>
      [name, { before, shape, places: arrays[at] }])),
    hasValues: header.values !== null,
    values: header.values === null ? new Float64Array(header.weights) : arrays[header.values],
    trainable: arrays[header.trainable],
    marked: new Set(),
    samples: samples(header.samples, arrays),
  };
}

function rows([lengths, ids], arrays) {
  const ptr = new Int32Array(arrays[lengths].length + 1);
  for (let i = 0; i + 1 < ptr.length; i++) ptr[i + 1] = ptr[i] + arrays[lengths][i];
  return { ptr, ids: arrays[ids] };
}

// {labels, ranges: [[low, high] of each input], inputs: [sample][input] -> Float64Array}
function samples({ labels, inputs, ranges }, arrays) {
  const states = inputs.map(([values, code]) =>
    code === undefined ? arrays[values] : Float64Array.from(arrays[code], (c) => arrays[values][c]));
  const one = (all, i) => {
    const size = all.length / labels.length;
    return all.slice(i * size, (i + 1) * size);
  };
  return { labels, ranges, inputs: labels.map((_, i) => states.map((all) => one(all, i))) };
}
