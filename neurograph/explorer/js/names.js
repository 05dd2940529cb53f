// Names of neurons and weights: "C3[0, 2, 3]" and "C3.kernel[0, 0, 2, 2]", both ways.

export class Names {
  // arrays: [{name, shape, first, ids}]; labels: id -> a name of its own.
  constructor(arrays, count, labels = new Map()) {
    this.arrays = arrays;
    this.labels = labels;
    this.byName = new Map(arrays.map((array, at) => [array.name, at]));
    this.byLabel = new Map([...labels].map(([id, text]) => [text, id]));
    this.holder = new Int32Array(count).fill(-1);
    this.position = new Int32Array(count);
    arrays.forEach((array, at) => this.#place(array, at));
  }

  #place({ shape, first, ids }, at) {
    const size = shape.reduce((a, b) => a * b, 1);
    for (let p = 0; p < size; p++) {
      const id = ids ? ids[p] : first + p;
      if (id >= 0) {
        this.holder[id] = at;
        this.position[id] = p;
      }
    }
  }

  // Return {array, position, index} of an id, null for one that stands nowhere.
  locate(id) {
    const at = this.holder[id];
    if (!(at >= 0)) return null;
    const { shape } = this.arrays[at];
    return { array: at, position: this.position[id], index: unravel(this.position[id], shape) };
  }

  name(id) {
    const label = this.labels.get(id);
    const found = label ? null : this.locate(id);
    if (!found) return label ?? `#${id}`;
    const { name } = this.arrays[found.array];
    return found.index.length ? `${name}[${found.index.join(", ")}]` : name;
  }

  // Return the id that a text names, -1 if there is none.
  id(text) {
    const label = this.byLabel.get(text.trim());
    if (label !== undefined) return label;
    const [, name, inside] = /^\s*([^[\]]+?)\s*(?:\[([-\d,\s]*)\])?\s*$/.exec(text) ?? [];
    const array = this.arrays[this.byName.get(name)];
    if (!array) return -1;
    const index = inside?.trim() ? inside.split(",").map((part) => Number(part)) : [];
    const fits = index.length === array.shape.length;
    if (!fits || index.some((i, axis) => !(i >= 0 && i < array.shape[axis]))) return -1;
    const position = ravel(index, array.shape);
    return array.ids ? array.ids[position] : array.first + position;
  }
}

export function unravel(position, shape) {
  const index = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = position % shape[axis];
    position = Math.floor(position / shape[axis]);
  }
  return index;
}

export function ravel(index, shape) {
  return index.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
}

// Return the names that are most like a text, at most `most`.
export function nearest(text, names, most = 5) {
  const wanted = text.trim().toLowerCase();
  const scored = names.map((name) => [distance(wanted, name.toLowerCase()), name]);
  const close = scored.filter(([d, name]) =>
    d <= Math.max(2, wanted.length / 2) || (wanted && name.toLowerCase().startsWith(wanted)));
  return close.sort((a, b) => a[0] - b[0]).slice(0, most).map(([, name]) => name);
}

// Levenshtein's distance.
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
